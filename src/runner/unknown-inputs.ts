import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { INPUT_NAMES } from './input-table.js'
import { warn } from '../log.js'
import { PEER_INPUTS, type PeerInput, type Surroundings } from './peer-inputs.js'
import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { oneTypoFrom, sameButSpelling } from '../lib/spelling.js'

/** By name. An empty input counts as absent. */
type Given = ReadonlyMap<string, string>

const PREFIX = 'INPUT_'

/**
 * Looks at the inputs of the step that this action doesn't have, which the runner hands over all the same.
 * @param act whether act runs the workflow: inside of a composite action, it hands over the inputs of that one too
 * @throws UserError where leaving one of them out would change the image
 */
export function checkUnknownInputs(act: boolean, environment: NodeJS.ProcessEnv = process.env): void {
  const { refused, ignored } = judgeInputs(givenInputs(environment), INPUT_NAMES, formatPlatform(nativePlatform()))
  const lines = [...ignored, ...(act ? refused : [])].map((unknown) => `\n${entry(unknown)}`)
  if (lines.length > 0) warn(`This action doesn't have these inputs, and ignores them:${lines.join('')}`)
  if (!act && refused.length > 0) throw refusal(refused)
}

/** An input that the action doesn't have. */
export interface Unknown {
  readonly name: string
  readonly advice: string
  /** Its text, where it is the text that counts; it could be a secret otherwise. */
  readonly shown?: string
}

/** Tells those that matter from those that can be left out; pure. */
export function judgeInputs(
  given: Given,
  known: readonly string[],
  own: string,
): { readonly refused: readonly Unknown[]; readonly ignored: readonly Unknown[] } {
  const surroundings = { platform: own, given: (name: string) => given.get(name) ?? '' }
  const refused: Unknown[] = []
  const ignored: Unknown[] = []
  for (const [name, text] of given) {
    if (known.includes(name)) continue
    const peer = PEER_INPUTS.find((row) => row.name === name)
    if (peer === undefined) ignored.push({ name, advice: guess(name, known) })
    else if (isHarmless(peer, text, surroundings)) ignored.push({ name, advice: peer.instead })
    else refused.push(refuse(peer, text))
  }
  return { refused, ignored }
}

/** The runner makes `INPUT_BUILD-ARGS` of `build-args`. */
function givenInputs(environment: NodeJS.ProcessEnv): Given {
  return new Map(
    Object.entries(environment)
      .filter(([variable]) => variable.startsWith(PREFIX))
      .map(([variable, text = '']) => [variable.slice(PREFIX.length).toLowerCase(), text.trim()] as const)
      .filter(([, text]) => text !== ''),
  )
}

function isHarmless({ harmless }: PeerInput, text: string, surroundings: Surroundings): boolean {
  if (typeof harmless === 'string') return harmless === 'always'
  return harmless.when(text, surroundings)
}

function refuse({ name, instead, harmless }: PeerInput, text: string): Unknown {
  if (typeof harmless === 'string') return { name, advice: instead }
  // Only a text of one line fits into a line to paste.
  return { name, advice: /\s/.test(text) ? instead : instead.replace('…', () => text), shown: text }
}

function guess(name: string, known: readonly string[]): string {
  const meant = sameButSpelling(name, known) ?? oneTypoFrom(name, known)
  return meant === undefined ? 'Remove it, or look for its name in docs/inputs.md.' : `Did you mean "${meant}"?`
}

function refusal(refused: readonly Unknown[]): UserError {
  const lines = refused.map(
    ({ name, shown }) =>
      `Input ${quote(name)}${shown === undefined ? '' : `: got ${quote(shown)}`}. This action doesn't have it, and ignoring it would change the image.`,
  )
  const advice = refused.length === 1 ? refused.map((unknown) => unknown.advice) : refused.map(entry)
  return new UserError(lines.join('\n'), advice.join('\n'))
}

function entry({ name, advice }: Unknown): string {
  return `- ${quote(name)}: ${advice}`
}
