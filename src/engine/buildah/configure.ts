import { knowsRegistry } from '../../auth/auth-file.js'
import type { DockerStorage, Engine } from '../engine.js'
import type { EngineRequest } from '../engines.js'
import { privateRoot, programEnv, storageConf, type WorkDir, writePrivate } from '../work-dir.js'
import { writeSourceFiles } from './build/build-files.js'
import { buildahEngine } from './buildah.js'
import { withOnePath, writeConfig } from './containers-conf.js'
import type { Emulation } from './emulation/binfmt.js'
import type { Buildah } from './find/install.js'
import type { ExecutionMode } from './find/probe.js'
import { quietHelpers } from './quiet-helpers.js'
import { openSandboxes } from './sandbox/sandboxes.js'

/** A Buildah that can build here, and how. */
export interface FoundBuildah {
  readonly buildah: Buildah
  readonly mode: ExecutionMode
  readonly emulation: Emulation
  /** Command line before a program in the user namespace that is held open; undefined where each program makes its own. */
  readonly namespace: readonly string[] | undefined
  /** Where `load` also puts the image. */
  readonly docker: DockerStorage
}

/**
 * Gives Buildah its private configuration.
 * @param root of the storage, absolute
 * @param built storage root with stages that were built before, absolute
 */
export async function configure(
  { inputs, source, context, folder, logins, insecure }: EngineRequest,
  { buildah, mode, emulation, docker }: FoundBuildah,
  root: string,
  built?: string,
): Promise<Engine> {
  await writeStorageConf(folder, buildah, storageConf(folder.path, root, mode.driver, mode.fuseOverlayfs))
  const { registries, dropInFolder, policy } = await writeConfig(folder, insecure, inputs.registryMirrors)
  const env = {
    ...programEnv(folder, inputs.timestamp !== undefined),
    ...(await quietHelpers(folder, logins)),
    ...(registries !== undefined && { CONTAINERS_REGISTRIES_CONF: registries }),
  }
  const auth = await writePrivate(folder, 'auth/auth.json', JSON.stringify(logins))
  const files = { auth, policy, dropInFolder }
  const tools = { folder: { ...folder, env }, buildah, mode, root, built }
  await writeSourceFiles(source, folder)
  const sandboxes = await openSandboxes({ inputs, source, context, logins, ...emulation }, tools)
  const hasLogin = (registry: string) => knowsRegistry(logins, registry)
  return buildahEngine({ ...tools, context, insecure, files, sandboxes, hasLogin, docker })
}

/** Writes the storage.conf(5) that every command reads, for as long as the driver isn't known. */
export async function writeFirstStorageConf(folder: WorkDir, buildah: Buildah): Promise<void> {
  await writeStorageConf(folder, buildah, storageConf(folder.path, privateRoot(folder.path)))
}

/** The storage.conf(5) that CONTAINERS_STORAGE_CONF names. */
async function writeStorageConf(folder: WorkDir, buildah: Buildah, text: string): Promise<void> {
  await writePrivate(folder, 'storage.conf', withOnePath(text, buildah, folder.buildUser.uid))
}
