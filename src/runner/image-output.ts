import { UserError } from '../errors.js'
import { type Field, fieldsOf } from '../metadata/csv-line.js'
import { boolean, type InputReader, lines, refuse } from './input-parsers.js'

/** What `type=image` in the input `outputs` asks for, as Docker has it. */
export interface ImageOutput {
  readonly push: boolean
  /** Whether the image is pushed under its digest alone. */
  readonly byDigest: boolean
  /** Names of the image, beside those of `images`. */
  readonly names: readonly string[]
}

const INPUT = 'outputs'
const KNOWN = ['type', 'name', 'push', 'push-by-digest', 'name-canonical']

/** Whether a line of the input is of this type. */
export function isImage(line: string): boolean {
  return /(^|,)\s*type=image\s*(,|$)/.test(line)
}

/** Reads those lines of the input `outputs`. @throws UserError */
export function imageOutput(read: InputReader): ImageOutput {
  const found = lines(read(INPUT)).filter(isImage).map(readLine)
  const byDigest = found.some((one) => one.byDigest)
  return { push: found.some(({ push }) => push), byDigest, names: found.flatMap(({ names }) => names) }
}

/** Whether the step pushes: as `push` says, or `outputs`. @throws UserError */
export function pushes(read: InputReader): boolean {
  return boolean(read, 'push', false) || imageOutput(read).push
}

function readLine(line: string): ImageOutput {
  const fields = parse(line)
  const unknown = fields.some(({ name, value }) => name === undefined || !KNOWN.includes(name) || value === '')
  const valueOf = (name: string) => fields.find((field) => field.name === name)?.value
  const isTrue = (name: string) => valueOf(name) === 'true'
  const push = isTrue('push')
  const byDigest = isTrue('push-by-digest')
  // Without a push an image is what every build makes.
  if (unknown || !push)
    throw refuse(
      INPUT,
      line,
      'Write type=image,push=true or type=image,push-by-digest=true,push=true, and no other attribute but name=… and name-canonical=true.',
      'To build without a push, leave the line out.',
    )
  return { push, byDigest, names: (valueOf('name') ?? '').split(',').filter((name) => name !== '') }
}

function parse(line: string): readonly Field[] {
  try {
    return fieldsOf(line)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw refuse(INPUT, line, `Its quotes can't be read. ${error.hint ?? ''}`)
  }
}
