import { type InputReader, isComment, list, refuse } from './input-parsers.js'
import type { Env } from '../exec.js'

export interface BuildArguments {
  /** `NAME=value`, or `NAME` to take the value from the environment; the last of each name. */
  readonly given: readonly string[]
  /** Sentences on those that have no value. */
  readonly notes: readonly string[]
}

/**
 * Reads the input `build-args`.
 * @throws UserError for a line that is no argument, such as the second line of a value
 */
export function readBuildArguments(read: InputReader, env: Env): BuildArguments {
  const lines = list(read, 'build-args', { commas: false }).filter((line) => !isComment(line))
  const notes: string[] = []
  for (const [index, line] of lines.entries()) {
    const name = nameOf(line)
    const before = lines[index - 1]
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) throw notAnArgument(line, before)
    // A value that goes on there would be cut without a word.
    if (line === name && before !== undefined && env[name] === undefined) notes.push(notGiven(name, nameOf(before)))
  }
  return { given: lastOfEach(lines), notes }
}

function notAnArgument(line: string, before = 'NAME=') {
  const quoted = `Quote a value of several lines as a whole:\nbuild-args: |\n  "${nameOf(before)}=first line\n  second line"`
  return refuse(
    'build-args',
    line,
    'Write one NAME=value a line; a name has letters, digits, `_`, `.` and `-`.',
    quoted,
  )
}

function notGiven(name: string, before: string): string {
  return `Build argument ${name}: not given, since its line has no value and the step no variable of that name. If it is a part of the value of ${before}, quote that entry as a whole: "${before}=…".`
}

/** The last of a name counts, for every engine; with a NAME alone that has no value, they don't agree on what is left. */
function lastOfEach(lines: readonly string[]): string[] {
  return lines.filter((line, index) => !lines.slice(index + 1).some((later) => nameOf(later) === nameOf(line)))
}

function nameOf(line: string): string {
  return line.split('=', 1)[0] ?? ''
}
