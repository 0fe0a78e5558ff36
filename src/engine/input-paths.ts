import { resolve } from 'node:path'
import type { Pair } from '../runner/input-parsers.js'
import type { SshKeys } from '../runner/ssh-keys.js'
import { isPath } from '../source/source.js'

/** `name=where` with a path made absolute, since no engine runs in the workspace; pure. */
export function absoluteContext({ name, value }: Pair, workspace: string): string {
  return `${name}=${isPath(value) ? resolve(workspace, value) : value}`
}

/** The same of SSH keys; pure. */
export function absoluteKeys({ id, paths }: SshKeys, workspace: string): SshKeys {
  return { id, paths: paths.map((path) => resolve(workspace, path)) }
}
