import gte from 'semver/functions/gte.js'
import type { ContainersStorage, Layout } from '../../../build-storage.js'
import type { KnownEngine, ResolvedEngine } from '../../engine.js'
import type { EngineRequest } from '../../engines.js'
import type { WorkDir } from '../../work-dir.js'
import { factsOf } from '../setup.js'
import { configure, type FoundBuildah, writeFirstStorageConf } from '../configure.js'
import { pinNetworkBackend } from '../containers-conf.js'
import type { Host } from './host.js'
import type { Buildah } from './install.js'
import { knownFaultsOf } from './known-faults.js'
import { prewarm } from './prewarm.js'
import { resolveNames } from '../registries/resolve-names.js'

/** Older releases look for the lower layers of many in the wrong storage. */
const TAKES_STAGES_SINCE = '1.33.0'

/** What is known of a Buildah by its version. */
export function knownBuildah(request: EngineRequest, buildah: Buildah): KnownEngine {
  const { folder } = request
  return {
    engine: factsOf({ buildah, folder }),
    traits: {
      usesFrontend: false,
      keepsExcludedFolders: false,
      dropsDockerSettings: true,
      needsChallenge: true,
      pushesFromHere: true,
      printsChecks: false,
    },
    env: folder.env,
    resolveNames: (names) => resolveNames(names, request),
    takesDefaultAnnotations: true,
    // Its storage has nothing but what came from registries.
    ambiguityOf: () => Promise.resolve(undefined),
  }
}

/** A Buildah that can build here, as the pipeline knows it. */
export function resolvedBuildah(request: EngineRequest, found: FoundBuildah, host: Host): ResolvedEngine {
  const { folder } = request
  const { buildah, mode } = found
  return {
    ...knownBuildah(request, buildah),
    store: storeOf(folder, found),
    prewarm: () => prewarm(folder, found),
    emulates: found.emulation.emulates,
    knownFaults: knownFaultsOf(buildah.version, layoutOf(mode.driver, folder.buildUser.uid)),
    forPlatform: async (inputs, own) => {
      await writeFirstStorageConf(own, buildah)
      return resolvedBuildah({ ...request, inputs, folder: own }, found, host)
    },
    takesStages: gte(buildah.version, TAKES_STAGES_SINCE),
    configure: async (root, built) => {
      await pinNetworkBackend(root, folder, buildah, host)
      return await configure(request, found, root, built)
    },
  }
}

function layoutOf(driver: FoundBuildah['mode']['driver'], uid: number): Layout {
  return `${driver}-${uid === 0 ? 'root' : 'rootless'}`
}

function storeOf({ path, buildUser, env }: WorkDir, { buildah, mode, namespace }: FoundBuildah): ContainersStorage {
  const maker = { prefix: buildUser.prefix, unshare: [buildah.launcher, 'unshare'] }
  return {
    kind: 'root',
    layout: layoutOf(mode.driver, buildUser.uid),
    version: buildah.version,
    ...(buildUser.uid === 0 ? { enter: [] } : { enter: namespace ?? [...maker.prefix, ...maker.unshare], maker }),
    ...{ env, folder: path, uid: buildUser.uid, gid: buildUser.gid, foreign: buildUser.prefix.length > 0 },
  }
}
