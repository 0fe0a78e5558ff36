import { resolve } from 'node:path'
import type { Pair } from '../runner/input-parsers.js'
import type { SshKeys } from '../runner/ssh-keys.js'
import { isPath } from '../source/source.js'

/** `name=value` of a build context, with a path made absolute: no engine runs in the workspace. Pure. */
export function absoluteContext({ name, value }: Pair, workspace: string): string {
  return `${name}=${isPath(value) ? resolve(workspace, value) : value}`
}

/** SSH keys with absolute paths. Pure. */
export function absoluteKeys({ id, paths }: SshKeys, workspace: string): SshKeys {
  return { id, paths: paths.map((path) => resolve(workspace, path)) }
}
