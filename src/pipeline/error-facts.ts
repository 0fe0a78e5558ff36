import { basename, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { STEP } from '../engine/step-lines.js'
import { type Place, UserError } from '../errors.js'
import { CommandError } from '../exec.js'
import type { ErrorFacts } from '../report/failure.js'

/** An error as the job summary shows it. Pure. @param workspace absolute path */
export function errorFacts(error: unknown, workspace: string): ErrorFacts {
  if (!(error instanceof Error)) return { message: String(error), details: [] }
  const [message = '', ...details] = error.message.split('\n')
  for (let { cause } = error; cause instanceof Error; { cause } = cause) details.push(...linesOf(cause))
  if (!(error instanceof UserError)) return { message, details }
  const { hint, place } = error
  return { message, details, hint, place: place && { ...place, file: nameOf(place, workspace) } }
}

function nameOf({ file }: Place, workspace: string): string {
  return file.startsWith(`${workspace}/`) ? relative(workspace, file) : basename(file)
}

/** What lies behind an error: of a program, all that is kept of what it printed, from the beginning of the last build step. */
function linesOf(cause: Error): string[] {
  const lines = cause.message.split('\n')
  if (!(cause instanceof CommandError)) return lines
  const output = stripVTControlCharacters(cause.output).trimEnd().split('\n')
  const start = output.findLastIndex((line) => STEP.test(line))
  return [...lines.slice(0, 1), ...output.slice(Math.max(0, start))]
}
