import { type InputReader, lines, refuse } from './input-parsers.js'
import { UserError } from '../errors.js'

const INPUT = 'extra-args'
/** Arguments by which Buildah builds for other platforms, which the cache and the check of the result would not know of. */
const PLATFORM = /^--(platform|all-platforms|arch|os|variant)(=|$)/

/**
 * The arguments in the input `extra-args`. A line with one argument is taken as it is, whatever is in it; one with several
 * flags, or with a flag and its value, is split into words as a shell does, and nothing in it is expanded.
 *
 * @throws UserError for a word that Buildah would take for its context
 */
export function extraArguments(read: InputReader): string[] {
  const found = lines(read(INPUT)).flatMap((line) => (hasSeveral(line) ? wordsOf(line) : [line]))
  const stray = found.find((word, index) => !isFlag(word) && !mayTakeValue(found[index - 1]))
  const platform = found.find((word) => PLATFORM.test(word))
  if (platform !== undefined)
    throw refuse(INPUT, platform, 'The platform has an input of its own.', 'Write `platforms: linux/arm64` instead.')
  if (stray === undefined) return found
  throw refuse(
    INPUT,
    stray,
    'There is no flag before it that could take this value.',
    'Quote a value with white space, `--label "a=b c"`, or write the flag and its value as one line, `--label=a=b c`.',
  )
}

/** `--label=a=b c` is one, and so is a value that has a line of its own. */
function hasSeveral(line: string): boolean {
  const [first = '', ...rest] = line.split(/\s+/)
  return isFlag(first) && rest.length > 0 && (!first.includes('=') || rest.some(isFlag))
}

function isFlag(word: string): boolean {
  return word.startsWith('-')
}

function mayTakeValue(before: string | undefined): boolean {
  return before !== undefined && isFlag(before) && !before.includes('=')
}

/** Each part of a word: in single quotes, in double quotes, behind a backslash, or bare. */
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)|(.)/gs

function wordsOf(line: string): string[] {
  const words: string[] = []
  let isOpen = false
  for (const [, single, double, escaped, bare, space, broken] of line.matchAll(PART)) {
    if (broken !== undefined) throw unclosed()
    if (space !== undefined) {
      isOpen = false
      continue
    }
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? bare ?? ''
    if (isOpen) words.push(`${words.pop() ?? ''}${part}`)
    else words.push(part)
    isOpen = true
  }
  return words
}

function unclosed(): UserError {
  return new UserError(
    `Input "${INPUT}": a quote isn't closed in a line with several arguments.`,
    "Close it, or write each argument on its own line, where a single quote is allowed: `--label=a=it's`.",
  )
}
