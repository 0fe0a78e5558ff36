import { join } from 'node:path'
import { getsWrong } from '../../../dockerfile/known-wrong.js'
import type { Buildah } from '../find/install.js'
import type { ExecutionMode } from '../find/probe.js'
import type { WorkDir } from '../../work-dir.js'
import { readOnly, type Shown, writable } from './mounts.js'

/** What Buildah works with, whatever it does. */
export interface Tools {
  readonly folder: WorkDir
  readonly buildah: Buildah
  readonly mode: ExecutionMode
  /** Absolute path of the storage root. */
  readonly root: string
  /** The same of one with stages that were built before; undefined where there are none. */
  readonly built?: string | undefined
}

/** What of the private folder Buildah writes to. */
const WRITTEN = ['run', 'tmp', 'user', 'data', 'cache', 'out']
const PRIVATE_CONFIGURATION = ['storage.conf', 'registries.conf', 'policy.json', 'helpers']
/** What of the user's own folder for configuration is shown; logins may lie there as well. */
const USER_CONFIGURATION = [
  ...['containers.conf', 'containers.conf.d', 'registries.conf', 'registries.conf.d', 'registries.d'],
  ...['policy.json', 'certs.d', 'short-name-aliases.conf', 'networks', 'seccomp.json'],
]
const CONFIGURED_BY = ['CONTAINERS_CONF', 'CONTAINERS_CONF_OVERRIDE', 'CONTAINERS_REGISTRIES_CONF', 'SSL_CERT_FILE']

/** A folder below / that no Dockerfile names. */
export const OWN_FOLDER = '/.rootless-image-build'

/** Where a build in a sandbox sees the storage root: apart from all targets of mounts, where Buildah can't tell them apart. Pure. */
export function rootInSandbox({ buildah: { version }, root }: Pick<Tools, 'buildah' | 'root'>): string {
  return getsWrong('mountBesideStorage', version) ? OWN_FOLDER : root
}

/** What Buildah itself needs to see. */
export function shownToBuildah({ folder, buildah, mode, root, built }: Tools): Shown[] {
  const { path, buildUser, env } = folder
  const configuration = join(env['XDG_CONFIG_HOME'] ?? join(buildUser.home, '.config'), 'containers')
  const programs = [buildah.path, mode.runtime, mode.fuseOverlayfs]
  const named = [...CONFIGURED_BY.map((name) => env[name]), ...(env['SSL_CERT_DIR'] ?? '').split(':')]
  return [
    ...WRITTEN.map((name) => writable(join(path, name))),
    ...[...new Set([root, rootInSandbox({ buildah, root })])].map((path) => ({ path, from: root, writable: true })),
    ...(built === undefined ? [] : [readOnly(built)]),
    ...PRIVATE_CONFIGURATION.map((name) => readOnly(join(path, name))),
    ...USER_CONFIGURATION.map((name) => readOnly(join(configuration, name))),
    ...[...programs, ...named].filter((one) => one?.startsWith('/') === true).map((one) => readOnly(one ?? '')),
  ]
}
