import { duration } from './amounts.js'
import { type InputReader, isComment, lines, refuse } from './input-parsers.js'
import { input } from './input-spec.js'
import { shellWords } from './shell-words.js'

/** A command that is run in a container of the image before anything is pushed. */
export interface TestCommand {
  /** The line of the input. */
  readonly text: string
  /** The program and its arguments; at least one. */
  readonly words: readonly string[]
}

export const TEST_INPUTS = {
  // An image that was pushed under the same fingerprint has passed the same tests.
  test: input('tests', testCommands, { affects: 'image', counts: (tests) => tests.map(({ text }) => text) }),
  'test-timeout': input('testTimeoutMs', testTimeout, { affects: 'nothing' }),
}

/** One command per line, without comments. @throws UserError for a line that is no command */
function testCommands(read: InputReader, input: string): TestCommand[] {
  return lines(read(input))
    .filter((line) => !isComment(line))
    .map((text) => {
      const words = shellWords(text)
      if (words !== undefined && words[0] !== '') return { text, words }
      const flaw = words === undefined ? "A quote isn't closed." : 'It names no program.'
      throw refuse(input, text, flaw, "Write each command on one line: `sh -c 'test -f /srv/index.html'`.")
    })
}

function testTimeout(read: InputReader, input: string): number {
  return duration(input, read(input).trim() || '5m', 6)
}
