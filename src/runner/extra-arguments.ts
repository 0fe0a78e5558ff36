import { type InputReader, lines, refuse } from './input-parsers.js'
import { UserError } from '../errors.js'
import { shellWords } from './shell-words.js'

const INPUT = 'extra-args'
/** Arguments that an input of its own is for: the cache and the check of the result would not know of them. */
const OWN_INPUTS = [
  {
    argument: /^--(platform|all-platforms|arch|os|variant)(=|$)/,
    what: 'The platform has',
    instead: 'platforms: linux/arm64',
  },
  { argument: /^--jobs(=|$)/, what: 'The number of jobs has', instead: 'jobs: 2' },
]

/**
 * The arguments in the input `extra-args`. A line with one argument is taken as it is, whatever is in it; one with several
 * flags, or with a flag and its value, is split into words as a shell does, and nothing in it is expanded.
 *
 * @throws UserError for a word that Buildah would take for its context
 */
export function extraArguments(read: InputReader): string[] {
  const found = lines(read(INPUT)).flatMap((line) => (hasSeveral(line) ? wordsOf(line) : [line]))
  const stray = found.find((word, index) => !isFlag(word) && !mayTakeValue(found[index - 1]))
  for (const { argument, what, instead } of OWN_INPUTS) {
    const word = found.find((one) => argument.test(one))
    if (word !== undefined) throw refuse(INPUT, word, `${what} an input of its own.`, `Write \`${instead}\` instead.`)
  }
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

function wordsOf(line: string): readonly string[] {
  const words = shellWords(line)
  if (words === undefined) throw unclosed()
  return words
}

function unclosed(): UserError {
  return new UserError(
    `Input "${INPUT}": a quote isn't closed in a line with several arguments.`,
    "Close it, or write each argument on its own line, where a single quote is allowed: `--label=a=it's`.",
  )
}
