import { appendFile, readFile } from 'node:fs/promises'
import type { Pushed } from '../../engine/engine.js'
import { describeInLine } from '../../errors.js'
import { formatCount } from '../../lib/format.js'
import { isObject, listOf, parseObject } from '../../lib/json.js'
import { quote } from '../../lib/quote.js'
import { info, warn } from '../../log.js'
import { formatReference } from '../../metadata/reference.js'
import type { ArtifactFiles } from '../../runner/context.js'

/** As many as the runner takes of a job. With one more it fails the step. */
const MAX_ARTIFACTS = 500
/** A name and a digest that the runner takes for an image, and actions/attest for one that it can attest. */
const LINE = /^[^\s=#@]+@sha256:[0-9a-f]{64}$/

/** What is said to the runner, and to the user of what isn't. */
interface Choice {
  /** `ghcr.io/acme/web:1.2.3@sha256:…` */
  readonly lines: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Declares what was pushed as artifacts of the job, for actions/attest in a later step. Never fails: the image is there.
 * @param files by which the runner learns of artifacts; undefined where it doesn't
 */
export async function declareArtifacts(pushed: readonly Pushed[], files: ArtifactFiles | undefined): Promise<void> {
  if (pushed.length === 0) {
    info('Artifacts: none declared, since this step pushed nothing')
    return
  }
  if (files === undefined) {
    info('Artifacts: none declared, since this runner has no $GITHUB_ARTIFACTS; it needs version 2.336.0 or later')
    return
  }
  try {
    const list = await readFile(files.list, 'utf8')
    // The runner writes it whenever it reads what is declared.
    if (list.trim() === '') {
      info(
        'Artifacts: none declared, since this runner ignores them; ACTIONS_RUNNER_ALLOW_ARTIFACTS_FILE=true in its environment changes that',
      )
      return
    }
    const { lines, notes } = chooseArtifacts(pushed, declaredIn(list))
    await appendFile(files.declared, lines.map((line) => `${line}\n`).join(''))
    for (const note of notes) info(`Artifacts: ${note}`)
    if (lines.length > 0) info(`Artifacts: declared ${formatCount(lines.length, 'reference')}`)
  } catch (error) {
    warn(`Artifacts: none declared. ${describeInLine(error)}`)
  }
}

/**
 * One line for each reference, as far as the runner takes them all: one that it refuses fails the step. Pure.
 * @param declared digests of what earlier steps of the job have declared, by its names
 */
export function chooseArtifacts(pushed: readonly Pushed[], declared: ReadonlyMap<string, string>): Choice {
  const [lines, notes, tooMany]: [string[], string[], string[]] = [[], [], []]
  for (const { reference, digest } of pushed) {
    const name = formatReference(reference)
    const line = `${name}@${digest}`
    const other = declared.get(name)
    if (other === digest) continue
    if (!LINE.test(line)) notes.push(`${quote(line)} left out: the runner takes names with a SHA-256 digest`)
    else if (other !== undefined)
      notes.push(
        `${name} left out: an earlier step declared it as ${quote(other)}, and the runner takes one digest for a name`,
      )
    else if (declared.size + lines.length < MAX_ARTIFACTS) lines.push(line)
    else tooMany.push(name)
  }
  const limit = `the runner takes ${MAX_ARTIFACTS} artifacts of a job`
  const more = tooMany.length === 0 ? [] : [`${formatCount(tooMany.length, 'reference')} left out: ${limit}`]
  return { lines, notes: [...notes, ...more] }
}

/** What the runner lists, `{"version":1,"subjects":[{"name":"…","digest":"sha256:…","kind":"oci"}]}`. Pure. */
export function declaredIn(list: string): ReadonlyMap<string, string> {
  const subjects = listOf(parseObject(list)['subjects']).filter(isObject)
  return new Map(subjects.map(({ name, digest }) => [String(name), String(digest)]))
}
