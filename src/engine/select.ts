import { join } from 'node:path'
import { knowsRegistry } from '../credentials.js'
import { stepsOf } from '../dockerfile/dockerfile.js'
import { comparesAnnotations } from '../dockerfile/forgetting.js'
import { describe, UserError } from '../errors.js'
import { attempt } from '../exec.js'
import { quote } from '../image/quote.js'
import { formatReference } from '../image/reference.js'
import { say, warn } from '../log.js'
import type { Store } from '../store.js'
import { checkReadable } from './access.js'
import { buildahEngine, factsOf } from './buildah.js'
import { settleNetwork, writeConfig } from './config.js'
import { findDockerEngine } from './docker/docker.js'
import type { Engine, Found, Selection } from './engine.js'
import { writeDockerfile } from './dockerfile-copy.js'
import { needsOf, withIpv6 } from './features.js'
import { writeIgnoreFile } from './ignore-file.js'
import { type Buildah, provideBuildah } from './install.js'
import { readMachine } from './machine.js'
import { preflight } from './preflight.js'
import type { Way } from './probe.js'
import { quietHelpers } from './quiet-helpers.js'
import { checkSecrets, knownHole, refuseCacheMountsOutside } from './sandbox/leaks.js'
import { openSandboxes } from './sandbox/sandboxes.js'
import { type Folder, storageArgs, storageConf, takeBack, writePrivate } from './storage.js'

/**
 * Finds or installs the engine, and makes sure that it can build here: Buildah, and where it can't and nobody insists on
 * it, Docker.
 * @param onProgram gets the path of Buildah as soon as it is known, so that `post` can use it
 * @throws UserError when nothing can build here: why, and what to do
 */
export async function findEngine(selection: Selection, onProgram: (path: string) => void): Promise<Found> {
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
  throw new UserError(`Input "engine": got "docker". ${message}`, error.cure, { cause, place })
}

async function fallBack(selection: Selection, reason: UserError): Promise<Found> {
  await takeBack(selection.folder)
  const found = await findDockerEngine(selection).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error
    throw new UserError(
      `Neither Buildah nor Docker can build this here.\nBuildah: ${describe(reason)}\nDocker: ${describe(error)}`,
      'One of the two is enough; `engine: buildah` or `engine: docker` asks for that one alone.',
    )
  })
  warn(
    `Docker builds this image, since Buildah can't here, and it is built with the rights of Docker's daemon. ${describe(reason)}`,
  )
  return found
}

async function findBuildah(selection: Selection, onProgram: (path: string) => void): Promise<Found> {
  const { inputs, source, context, folder, labels, obstacle } = selection
  if (obstacle !== undefined) throw obstacle
  refuseIpv6(selection)
  await checkReadable(source, folder.account, context)
  const needs = needsOf(inputs, source.dockerfile, labels)
  const buildah = await provideBuildah(
    { range: inputs.buildahVersion, manifest: inputs.buildahManifest, needs },
    context,
    folder,
  )
  onProgram(buildah.path)
  const machine = await readMachine(folder.account, folder.path, folder.env)
  const runs = stepsOf(source.dockerfile).some(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
  const { way, notes, warnings } = await preflight({ ...inputs, runs }, { buildah, folder, machine, context })
  say(
    `Engine: Buildah ${buildah.version} (${buildah.path}, ${buildah.reason}), as ${folder.account.name} (${folder.account.reason}); ${describeWay(way)}`,
  )
  for (const note of notes) say(`  passed over: ${note}`)
  for (const text of warnings) warn(text)
  refuseCacheMountsOutside(source.dockerfile, buildah.version)
  checkSecrets(inputs, knownHole(source.dockerfile, { version: buildah.version, isolation: way.isolation }))
  return {
    engine: factsOf(buildah, folder),
    store: storeOf(folder, buildah, way),
    tryOut: () => tryOut(folder, buildah, way),
    // Not worth that an older Buildah, which doesn't compare them, may read no step from a registry.
    takesDefaultAnnotations: (kind) => kind !== 'registry' || comparesAnnotations(buildah.version),
    // Its storage has nothing but what came from registries.
    whyDoubtful: () => Promise.resolve(undefined),
    configure: async (root) => {
      await settleNetwork(root, folder, buildah, machine)
      return await configured(selection, { buildah, way, root })
    },
  }
}

function refuseIpv6({ inputs, source, references }: Selection): void {
  const { from, to } = inputs.cache
  const name = withIpv6([...references.map(formatReference), ...from, ...to], source.dockerfile)
  if (name === undefined) return
  throw new UserError(
    `Reference ${quote(name)}: no Buildah takes the IPv6 address of a registry in a name.`,
    'Give the address a name, by a line such as `fd00::2 registry.internal` in /etc/hosts, and write `registry.internal:5000`.',
  )
}

/** Opens an empty storage that has the run root of the build, where Buildah keeps what it has found out. */
async function tryOut(folder: Folder, { path }: Buildah, { driver, fuseOverlayfs }: Way): Promise<void> {
  const storage = storageArgs(folder.path, join(folder.path, 'tried'), driver, fuseOverlayfs)
  await attempt([...folder.account.prefix, path, ...storage, 'images', '--quiet'], { env: folder.env, cwd: '/' })
}

function storeOf({ path, account, env }: Folder, buildah: Buildah, { driver }: Way): Store {
  const isRoot = account.uid === 0
  return {
    kind: 'root',
    layout: `${driver}-${isRoot ? 'root' : 'rootless'}`,
    version: buildah.version,
    enter: isRoot ? [] : [...account.prefix, buildah.path, 'unshare'],
    ...{ env, folder: path, uid: account.uid, gid: account.gid, foreign: account.prefix.length > 0 },
  }
}

async function configured(
  { inputs, source, context, folder, logins, insecure }: Selection,
  { buildah, way, root }: { buildah: Buildah; way: Way; root: string },
): Promise<Engine> {
  await writePrivate(folder, 'storage.conf', storageConf(folder.path, root, way.driver, way.fuseOverlayfs))
  const { registries, dropInFolder, policy } = await writeConfig(folder, insecure)
  const env = {
    ...folder.env,
    ...(await quietHelpers(folder, logins)),
    ...(registries !== undefined && { CONTAINERS_REGISTRIES_CONF: registries }),
  }
  const auth = await writePrivate(folder, 'auth/auth.json', JSON.stringify(logins))
  const files = { auth, policy, dropInFolder }
  const tools = { folder: { ...folder, env }, buildah, way, root }
  await writeIgnoreFile(source, folder)
  await writeDockerfile(source, folder)
  const sandboxes = await openSandboxes({ inputs, source, context, logins }, tools)
  const hasLogin = (registry: string) => knowsRegistry(logins, registry)
  return buildahEngine({ ...tools, context, insecure, files, sandboxes, hasLogin })
}

function describeWay({ driver, isolation, runtime, network }: Way): string {
  const kept = runtime === undefined ? isolation : `${isolation} with ${runtime}`
  return `storage driver ${driver}, isolation ${kept}${network === 'default' ? '' : `, network ${network}`}`
}
