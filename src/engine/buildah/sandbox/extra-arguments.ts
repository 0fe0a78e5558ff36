import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import type { Shown } from './mounts.js'

/** What a path behind a flag of `buildah build` is for. `written` is a file that Buildah makes. */
type Use = 'read' | 'written'

/** A path that an argument of the user's names. */
export interface ArgumentPath extends Shown {
  /** A file that Buildah makes, which must be there to be shown. */
  readonly isMade: boolean
}

/** Flags whose value is a path, by what it is for. */
const PATHS: Readonly<Record<string, Use>> = {
  ...ofUse('read', ['authfile', 'build-arg-file', 'cert-dir', 'cni-config-dir', 'cni-plugin-path']),
  ...ofUse('read', ['file', 'f', 'hooks-dir', 'ignorefile', 'runtime', 'signature-policy', 'source-policy-file']),
  ...ofUse('read', ['cgroupns', 'ipc', 'network', 'pid', 'userns', 'uts', 'cw']),
  ...ofUse('written', ['iidfile', 'logfile', 'metadata-file', 'sbom-output', 'sbom-purl-output']),
}
/** Flags whose value has a path in it. */
const HAVING: Readonly<Record<string, (value: string) => ArgumentPath[]>> = {
  volume: volume,
  v: volume,
  device: (value) => [shown(value.split(':')[0] ?? '', true)],
  'build-context': (value) => absolute(value.split(/=(.*)/s)[1] ?? ''),
  secret: (value) => absolute(attribute(value, ['src', 'source'])),
  ssh: (value) => (value.split(/=(.*)/s)[1] ?? '').split(',').flatMap((path) => absolute(path)),
  'decryption-key': (value) => absolute(value.split(':')[0] ?? ''),
  'security-opt': (value) => absolute(value.split(/[=:](.*)/s)[1] ?? ''),
  output: destination,
  o: destination,
}
/** Flags whose value may look like a path and is none on this machine. */
const NONE = ['add-host', 'annotation', 'build-arg', 'cgroup-parent', 'cpp-flag', 'creds', 'env', 'label', 'tag', 't']

/**
 * The paths that arguments of the user's name, for Buildah to see them; pure.
 * @throws UserError for a flag that isn't known here and has a path
 */
export function pathsInArguments(extraArgs: readonly string[]): ArgumentPath[] {
  return extraArgs.flatMap((argument, index) => {
    const [, name, , own] = /^--?([a-z][a-z-]*)(=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) return []
    const next = extraArgs[index + 1] ?? ''
    const value = own ?? (next.startsWith('-') ? '' : next)
    const use = PATHS[name]
    if (use !== undefined) return absolute(value.replace(/^[a-z]+:(?=\/)/, ''), use)
    const read = HAVING[name]
    if (read !== undefined) return read(value)
    if (/^[./~]/.test(value) && !NONE.includes(name)) throw unknown(argument, own === undefined ? next : '')
    return []
  })
}

function unknown(argument: string, next: string): UserError {
  const written = next === '' ? argument : `${argument} ${next}`
  return new UserError(
    `Input "extra-args": ${quote(written)} has a path, and this action doesn't know what Buildah does with it. Buildah runs in a sandbox that shows only the paths it is known to need.`,
    'Leave the argument out, or build without a sandbox: `sandbox: off`.',
  )
}

function volume(value: string): ArgumentPath[] {
  const [path = '', , options = ''] = value.split(':')
  const isReadOnly = options.split(',').some((option) => option === 'ro' || option === 'O')
  return path.startsWith('/') ? [shown(path, !isReadOnly)] : []
}

function destination(value: string): ArgumentPath[] {
  return absolute(value.includes('=') ? attribute(value, ['dest']) : value, 'written')
}

function attribute(value: string, names: readonly string[]): string {
  const pairs = value.split(',').map((part) => part.split(/=(.*)/s))
  return pairs.find(([name = '']) => names.includes(name))?.[1] ?? ''
}

/** No other path means anything: Buildah doesn't run in the workspace. */
function absolute(path: string, use: Use = 'read'): ArgumentPath[] {
  return path.startsWith('/') ? [shown(path, use === 'written', use === 'written')] : []
}

function shown(path: string, writable: boolean, isMade = false): ArgumentPath {
  return { path, writable, isMade }
}

function ofUse(use: Use, names: readonly string[]): Record<string, Use> {
  return Object.fromEntries(names.map((name) => [name, use]))
}
