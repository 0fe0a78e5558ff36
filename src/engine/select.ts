import { join } from 'node:path'
import { knowsRegistry } from '../auth/auth-file.js'
import { stepsOf } from '../dockerfile/dockerfile.js'
import { getsWrong } from '../dockerfile/known-wrong.js'
import { describe, UserError } from '../errors.js'
import { attempt } from '../exec.js'
import { quote } from '../lib/quote.js'
import { formatReference } from '../metadata/reference.js'
import { info, result, warn } from '../log.js'
import { analysisOf } from '../source/analysis.js'
import type { ContainersStorage, Layout } from '../build-storage.js'
import { checkReadable } from './access.js'
import { buildahEngine, factsOf } from './buildah/buildah.js'
import { type BaseNames, resolveAll } from './base-names.js'
import { type BuildUser, chooseBuilder } from './build-user.js'
import { pinNetworkBackend, readRegistriesConf, withOnePath, writeConfig } from './buildah/containers-conf.js'
import { losesVolumes, toldFaults } from './buildah/known-faults.js'
import { resolveName } from './buildah/registries-conf.js'
import { findDockerEngine } from './docker/docker.js'
import { findDaemon, loadArchive } from './docker/load.js'
import type { Engine, Engines, EngineRequest, ResolvedEngine } from './engine.js'
import { writeDockerfile } from './buildah/dockerfile-copy.js'
import { needsOf, withIpv6 } from './buildah/requirements.js'
import { writeIgnoreFile } from './buildah/ignore-file.js'
import { type Buildah, commandOf, provideBuildah } from './buildah/install.js'
import { readHost } from './buildah/host.js'
import { preflight } from './buildah/preflight.js'
import type { ExecutionMode } from './buildah/probe.js'
import { quietHelpers } from './buildah/quiet-helpers.js'
import { checkSecrets, knownHole, refuseCacheMountsOutside } from './buildah/sandbox/leaks.js'
import { openSandboxes } from './buildah/sandbox/sandboxes.js'
import { type WorkDir, privateRoot, storageArgs, storageConf, takeBackFromBuildUser, writePrivate } from './work-dir.js'

/** Buildah, and Docker. */
export const engines: Engines = { chooseBuildUser: chooseBuilder, find: findEngine }

/**
 * Finds or installs the engine, and makes sure that it can build here: Buildah, and where it can't and nobody insists on
 * it, Docker.
 * @param onProgram gets the path of Buildah as soon as it is known, so that `post` can use it
 * @throws UserError when nothing can build here: why, and what to do
 */
async function findEngine(selection: EngineRequest, onProgram: (path: string) => void): Promise<ResolvedEngine> {
  const { engine } = selection.inputs
  if (engine === 'docker') return await findDockerEngine(selection).catch(asAsked)
  try {
    return await findBuildah(selection, onProgram)
  } catch (error) {
    if (engine === 'buildah' || !(error instanceof UserError)) throw error
    return await fallBack(selection, error)
  }
}

/** What stands in the way of Docker, for whoever has asked for it. */
function asAsked(error: unknown): never {
  if (!(error instanceof UserError) || /Input|Dockerfile/.test(error.message)) throw error
  const { message, cause, place } = error
  throw new UserError(`Input "engine": got "docker". ${message}`, error.hint, { cause, place })
}

async function fallBack(selection: EngineRequest, reason: UserError): Promise<ResolvedEngine> {
  await takeBackFromBuildUser(selection.folder)
  const found = await findDockerEngine(selection).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error
    throw new UserError(
      `Neither Buildah nor Docker can build here.\nBuildah: ${describe(reason)}\nDocker: ${describe(error)}`,
      'One of the two is enough; `engine: buildah` or `engine: docker` selects that one.',
    )
  })
  warn(
    `Falling back to Docker: Buildah can't run here, so the build has the privileges of the Docker daemon. ${describe(reason)}`,
  )
  return found
}

async function findBuildah(selection: EngineRequest, onProgram: (path: string) => void): Promise<ResolvedEngine> {
  const { inputs, source, context, folder, labels } = selection
  if (folder.buildUser.buildahUnavailable !== undefined) throw folder.buildUser.buildahUnavailable
  refuseIpv6(selection)
  await checkReadable(source, folder.buildUser, context)
  const needs = needsOf(inputs, source.dockerfile, labels)
  const buildah = await provideBuildah(
    { range: inputs.buildahVersion, manifest: inputs.buildahManifest, needs },
    context,
    folder,
  )
  onProgram(buildah.launcher)
  await writeStorageConf(folder, buildah, storageConf(folder.path, privateRoot(folder.path)))
  const host = await readHost(folder.buildUser, folder.path, folder.env)
  const runs = stepsOf(source.dockerfile).some(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
  const { mode, notes, warnings } = await preflight({ ...inputs, runs }, { buildah, folder, host, context })
  result(
    `Engine: Buildah ${buildah.version} (${buildah.path}, ${buildah.reason}), as ${folder.buildUser.name} (${folder.buildUser.reason}); ${describeMode(mode)}`,
  )
  for (const note of notes) info(`  skipped: ${note}`)
  for (const text of warnings) warn(text)
  refuseCacheMountsOutside(source.dockerfile, buildah.version)
  checkSecrets(inputs, knownHole(source.dockerfile, { version: buildah.version, isolation: mode.isolation }))
  return {
    engine: factsOf(buildah, folder),
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
    configure: async (root) => {
      await pinNetworkBackend(root, folder, buildah, host)
      return await configured(selection, { buildah, mode, root })
    },
  }
}

function refuseIpv6({ inputs, source, references }: EngineRequest): void {
  const { from, to } = inputs.cache
  const name = withIpv6([...references.map(formatReference), ...from, ...to], source.dockerfile)
  if (name === undefined) return
  throw new UserError(
    `Reference ${quote(name)}: Buildah doesn't accept the IPv6 address of a registry in a name.`,
    'Give the address a name, with a line such as `fd00::2 registry.internal` in /etc/hosts, and write `registry.internal:5000`.',
  )
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

async function configured(
  { inputs, source, context, folder, logins, insecure }: EngineRequest,
  { buildah, mode, root }: { buildah: Buildah; mode: ExecutionMode; root: string },
): Promise<Engine> {
  await writeStorageConf(folder, buildah, storageConf(folder.path, root, mode.driver, mode.fuseOverlayfs))
  const { registries, dropInFolder, policy } = await writeConfig(folder, insecure)
  const env = {
    ...folder.env,
    ...(await quietHelpers(folder, logins)),
    ...(registries !== undefined && { CONTAINERS_REGISTRIES_CONF: registries }),
  }
  const auth = await writePrivate(folder, 'auth/auth.json', JSON.stringify(logins))
  const files = { auth, policy, dropInFolder }
  const tools = { folder: { ...folder, env }, buildah, mode, root }
  await writeIgnoreFile(source, folder)
  await writeDockerfile(source, folder)
  const sandboxes = await openSandboxes({ inputs, source, context, logins }, tools)
  const hasLogin = (registry: string) => knowsRegistry(logins, registry)
  return buildahEngine({ ...tools, context, insecure, files, sandboxes, hasLogin, docker: { findDaemon, loadArchive } })
}

async function writeStorageConf(folder: WorkDir, buildah: Buildah, text: string): Promise<void> {
  await writePrivate(folder, 'storage.conf', withOnePath(text, buildah, folder.buildUser.uid))
}

function describeMode({ driver, isolation, runtime, network }: ExecutionMode): string {
  const kept = runtime === undefined ? isolation : `${isolation} with ${runtime}`
  return `storage driver ${driver}, isolation ${kept}${network === 'default' ? '' : `, network ${network}`}`
}
