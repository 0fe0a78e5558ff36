import { resolve } from 'node:path'
import type { Pair } from '../runner/input-parsers.js'
import { isPath } from '../source/source.js'

/** `name=where` with a path made absolute, since no engine runs in the workspace; pure. */
export function absoluteContext({ name, value }: Pair, workspace: string): string {
  return `${name}=${isPath(value) ? resolve(workspace, value) : value}`
}

/** `id=key,key` of the input `ssh` with the keys' paths absolute; pure. */
export function absoluteKeys(entry: string, workspace: string): string {
  const [id = '', keys] = entry.split(/=(.*)/s)
  if (keys === undefined) return id
  const paths = keys.split(',').map((key) => resolve(workspace, key))
  return `${id}=${paths.join(',')}`
}
