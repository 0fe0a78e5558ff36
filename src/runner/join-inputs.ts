import { isDeepStrictEqual } from 'node:util'
import { UserError } from '../errors.js'
import type { Env } from '../exec.js'
import type { InputReader } from './input-parsers.js'
import { INPUT_ROWS, type InputName } from './input-table.js'

/** What an index has of those that affect an image, and what is refused beside `digests`. */
const OTHERS: readonly InputName[] = [
  ...(['tags', 'flavor', 'annotations'] as const),
  ...(['platforms', 'test', 'provenance', 'sbom'] as const),
]
/** Those that affect whether an image is built. */
const OF_BUILDS: readonly InputName[] = ['pull', 'no-cache', 'checks']

/** A sentence on inputs that only count for a build, where `digests` are joined without one. */
export function joinWarnings(read: InputReader, env: Env): string[] {
  if (read('digests').trim() === '') return []
  const idle = INPUT_ROWS.filter(([name, { affects }]) => affects !== 'nothing' || OF_BUILDS.includes(name))
    .map(([name]) => name)
    .filter((name) => !OTHERS.includes(name) && isWritten(name, read, env))
  return idle.length === 0 ? [] : [`digests: nothing is built, so these inputs have no effect: ${idle.join(', ')}`]
}

/** Whether an input is another than its default, which the runner hands over where nothing is written. */
function isWritten(name: InputName, read: InputReader, env: Env): boolean {
  const [, row] = INPUT_ROWS.find(([other]) => other === name) ?? []
  const [main = name, { parse } = {}] =
    INPUT_ROWS.find(([, other]) => other.field === row?.field && other.parse !== undefined) ?? []
  const alone: InputReader = (other) => (other === name ? read(other) : '')
  try {
    return !isDeepStrictEqual(
      parse?.(alone, main, env),
      parse?.(() => '', main, env),
    )
  } catch (error) {
    // It is only valid together with another one.
    if (error instanceof UserError) return true
    throw error
  }
}
