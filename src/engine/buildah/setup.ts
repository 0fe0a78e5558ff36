import type { Context } from '../../runner/context.js'
import type { DockerStorage, EngineFacts } from '../engine.js'
import { storageArgs, type WorkDir } from '../work-dir.js'
import type { Buildah } from './find/install.js'
import type { ExecutionMode } from './find/probe.js'
import type { Sandboxes } from './sandbox/sandboxes.js'

/** Everything that Buildah's command lines need beside the request. */
export interface BuildahSetup {
  readonly buildah: Buildah
  readonly folder: WorkDir
  readonly mode: ExecutionMode
  /** Absolute path of the storage root. */
  readonly root: string
  readonly context: Context
  /** Paths of private files for this run. */
  readonly files: {
    /** The auth file, in a folder of its own. */
    readonly auth: string
    readonly policy: string | undefined
    /** The only folder of registries.conf(5) drop-ins that counts; undefined for the default ones. */
    readonly dropInFolder: string | undefined
  }
  /** Registries that may be contacted without TLS or with an unknown certificate. */
  readonly insecure: readonly string[]
  /** Whether an earlier login may be for a registry. */
  readonly hasLogin: (registry: string) => boolean
  readonly sandboxes: Sandboxes
  /** Where `load` also puts the image. */
  readonly docker: DockerStorage
}

/** Which Buildah builds, and whether without root; pure. */
export function factsOf({ buildah: { version }, folder }: Pick<BuildahSetup, 'buildah' | 'folder'>): EngineFacts {
  return { name: 'buildah', label: `Buildah ${version}`, version, rootless: folder.buildUser.uid !== 0 }
}

/** The same, with further environment of its programs; pure. */
export function withEnv(setup: BuildahSetup, env: WorkDir['env']): BuildahSetup {
  const { folder } = setup
  return { ...setup, folder: { ...folder, env: { ...folder.env, ...env } } }
}

/** Arguments of every command; pure. */
export function globalArgs({ folder, mode, root }: Pick<BuildahSetup, 'folder' | 'mode' | 'root'>): string[] {
  return storageArgs(folder.path, root, mode.driver, mode.fuseOverlayfs)
}

/** Arguments that name the only folder of registries.conf(5) drop-ins; pure. */
export function dropInArgs({ files }: Pick<BuildahSetup, 'files'>): string[] {
  return files.dropInFolder === undefined ? [] : ['--registries-conf-dir', files.dropInFolder]
}

/** Arguments that name our signature policy, if the machine has none: Buildah insists on one. Pure. */
export function policyArgs({ files }: Pick<BuildahSetup, 'files'>): string[] {
  return files.policy === undefined ? [] : ['--signature-policy', files.policy]
}
