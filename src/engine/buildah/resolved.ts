import { join } from 'node:path'
import type { ContainersStorage, Layout } from '../../build-storage.js'
import { getsWrong } from '../../dockerfile/known-wrong.js'
import { attempt } from '../../exec.js'
import { analysisOf } from '../../source/analysis.js'
import { type BaseNames, resolveAll } from '../base-names.js'
import type { BuildUser } from '../build-user.js'
import type { EngineRequest, ResolvedEngine } from '../engine.js'
import { privateRoot, storageArgs, storageConf, type WorkDir } from '../work-dir.js'
import { factsOf } from './setup.js'
import { configure, type FoundBuildah, writeStorageConf } from './configure.js'
import { pinNetworkBackend, readRegistriesConf } from './containers-conf.js'
import type { Host } from './host.js'
import { type Buildah, commandOf } from './install.js'
import { losesVolumes, toldFaults } from './known-faults.js'
import type { ExecutionMode } from './probe.js'
import { resolveName } from './registries-conf.js'

/** A Buildah that was found, as the pipeline knows it. */
export function resolvedBuildah(request: EngineRequest, found: FoundBuildah, host: Host): ResolvedEngine {
  const { folder } = request
  const { buildah, mode } = found
  return {
    engine: factsOf({ buildah, folder }),
    traits: { usesFrontend: false, keepsExcludedFolders: false, dropsDockerSettings: true, needsChallenge: true },
    env: folder.env,
    store: storeOf(folder, buildah, mode),
    prewarm: () => prewarm(folder, buildah, mode),
    resolveNames: (names) => resolveNames(names, folder),
    knownFaults: knownFaultsOf(buildah, mode, folder.buildUser),
    // Not worth that an older Buildah, which doesn't compare them, may read no step from a registry.
    takesDefaultAnnotations: (readsRegistry) => !readsRegistry || !getsWrong('annotation', buildah.version),
    // Its storage has nothing but what came from registries.
    ambiguityOf: () => Promise.resolve(undefined),
    forPlatform: async (inputs, own) => {
      await writeStorageConf(own, buildah, storageConf(own.path, privateRoot(own.path)))
      return resolvedBuildah({ ...request, inputs, folder: own }, found, host)
    },
    configure: async (root) => {
      await pinNetworkBackend(root, folder, buildah, host)
      return await configure(request, found, root)
    },
  }
}

/** Opens an empty storage that has the run root of the build, where Buildah keeps what it has found out. */
async function prewarm(folder: WorkDir, buildah: Buildah, { driver, fuseOverlayfs }: ExecutionMode): Promise<void> {
  const storage = storageArgs(folder.path, join(folder.path, 'tried'), driver, fuseOverlayfs)
  await attempt([...folder.buildUser.prefix, ...commandOf(buildah), ...storage, 'images', '--quiet'], {
    env: folder.env,
    cwd: '/',
  })
}

/** In the order in which Buildah reads its configuration. */
async function resolveNames(names: readonly string[], folder: WorkDir): Promise<BaseNames> {
  const { main, dropIns } = await readRegistriesConf(folder)
  return await resolveAll(names, [main, ...dropIns], (name) => resolveName([main, ...dropIns], name))
}

function knownFaultsOf(
  { version }: Buildah,
  { driver }: ExecutionMode,
  { uid }: BuildUser,
): ResolvedEngine['knownFaults'] {
  const layout = layoutOf(driver, uid)
  return {
    ofVolumes: losesVolumes(version),
    tell: ({ inputs, source }, volumes) =>
      toldFaults(version, { analysis: analysisOf(inputs, source.dockerfile, undefined), layout, volumes }),
  }
}

function layoutOf(driver: ExecutionMode['driver'], uid: number): Layout {
  return `${driver}-${uid === 0 ? 'root' : 'rootless'}`
}

function storeOf({ path, buildUser, env }: WorkDir, buildah: Buildah, { driver }: ExecutionMode): ContainersStorage {
  const isRoot = buildUser.uid === 0
  return {
    kind: 'root',
    layout: layoutOf(driver, buildUser.uid),
    version: buildah.version,
    enter: isRoot ? [] : [...buildUser.prefix, buildah.launcher, 'unshare'],
    ...{ env, folder: path, uid: buildUser.uid, gid: buildUser.gid, foreign: buildUser.prefix.length > 0 },
  }
}
