import type { Instruction } from './dockerfile.js'

/** What opens one whose name isn't quoted. */
const OPEN = /<<-?[A-Za-z_0-9]/
/** Anything but `$(`, which stays as it is. */
const VARIABLE = /\$[^\s(]/

/**
 * Whether an instruction has a heredoc in which its builder would look for variables and quotes, and finds some: a shell
 * that reads it would find others. In doubt it has. Pure.
 */
export function hasOpenHeredoc({ heredoc, argument }: Pick<Instruction, 'heredoc' | 'argument'>): boolean {
  if (!heredoc) return false
  const [opening = '', ...lines] = argument.split('\n')
  const text = lines.join('\n')
  const isOdd = (quote: string) => text.split(quote).length % 2 === 0
  return OPEN.test(opening) && (VARIABLE.test(text) || isOdd("'") || isOdd('"'))
}
