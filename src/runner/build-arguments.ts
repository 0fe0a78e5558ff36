import { type InputReader, isComment, list, refuse } from './input-parsers.js'
import type { Env } from '../exec.js'

export interface BuildArg {
  readonly name: string
  /** Undefined to take the value from the environment of the step. */
  readonly value: string | undefined
}

/**
 * Reads the input `build-args`; of each name the last one counts, for every engine. With a NAME alone that has no value,
 * the engines don't agree on what is left.
 * @throws UserError for a line that is no argument, such as the second line of a value
 */
export function buildArgs(read: InputReader, input: string): BuildArg[] {
  const lines = linesIn(read, input)
  const refused = lines.findIndex((line) => !/^[A-Za-z_][\w.-]*$/.test(parseBuildArg(line).name))
  if (refused >= 0) throw notAnArgument(input, lines[refused] ?? '', lines[refused - 1])
  const given = lines.map(parseBuildArg)
  return given.filter(({ name }, index) => !given.slice(index + 1).some((later) => later.name === name))
}

/** Warnings about build arguments that may be the second line of a value: such a value would be cut silently. */
export function buildArgNotes(read: InputReader, input: string, env: Env): string[] {
  const given = linesIn(read, input).map(parseBuildArg)
  return given.flatMap(({ name, value }, index) => {
    const before = given[index - 1]
    return value === undefined && before !== undefined && env[name] === undefined ? [notGiven(name, before.name)] : []
  })
}

/** A build argument in the form of the engines: `NAME=value` or `NAME`. */
export function formatBuildArg({ name, value }: BuildArg): string {
  return value === undefined ? name : `${name}=${value}`
}

function linesIn(read: InputReader, input: string): string[] {
  return list(read, input, { commas: false }).filter((line) => !isComment(line))
}

/** The name in `NAME=value` or `NAME`. */
export function parseBuildArg(line: string): BuildArg {
  const [name = '', value] = line.split(/=(.*)/s)
  return { name, value }
}

function notAnArgument(input: string, line: string, before = 'NAME=') {
  const quoted = `Quote a multi-line value as a whole:\n${input}: |\n  "${parseBuildArg(before).name}=first line\n  second line"`
  return refuse(input, line, 'Write one NAME=value per line; a name has letters, digits, `_`, `.` and `-`.', quoted)
}

function notGiven(name: string, before: string): string {
  return `Build argument ${name} is not set: its line has no value, and the step has no variable of that name. If it is part of the value of ${before}, quote that entry as a whole: "${before}=…".`
}
