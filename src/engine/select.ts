import { describe, RuledOut, UserError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { warn } from '../log.js'
import { chooseBuilder } from './build-user.js'
import { findBuildah } from './buildah/find/find.js'
import { insecureRegistries } from './buildah/registries/insecure-registries.js'
import type { DockerStorage, FoundEngine, ResolvedEngine } from './engine.js'
import type { Engines, EngineRequest } from './engines.js'
import { asReady } from './ready.js'
import { takeBackFromBuildUser } from './work-dir.js'

/** The engines of this machine. */
export const engines: Engines = {
  chooseBuildUser: chooseBuilder,
  find: findEngine,
  // Docker's builders have configurations of their own.
  findInsecure: async (references, { engine, builder }, place) =>
    engine === 'docker' || builder !== undefined ? [] : await insecureRegistries(references, place),
}

/**
 * Finds or installs an engine: Buildah, or Docker if `engine` is `auto` and there is no Buildah, or it turns out that it
 * can't build here.
 * @param onProgram gets the path of Buildah as soon as it is known, so that `post` can use it
 * @throws UserError when there is none: why, and what to do
 */
async function findEngine(selection: EngineRequest, onProgram: (path: string) => void): Promise<FoundEngine> {
  const { engine, builder } = selection.inputs
  if (builder !== undefined && engine !== 'docker') return asReady(await findBuilder(selection, builder))
  if (engine === 'docker') return asReady(await findDocker(selection).catch(asAsked))
  const insteadOf = async (error: unknown) => {
    if (engine === 'buildah' || !(error instanceof UserError) || error instanceof RuledOut) throw error
    return await fallBack(selection, error)
  }
  try {
    const found = await findBuildah(selection, onProgram, dockerStorage)
    let readying: Promise<ResolvedEngine> | undefined
    return { ...found, ready: () => (readying ??= found.ready().catch(insteadOf)) }
  } catch (error) {
    return asReady(await insteadOf(error))
  }
}

/** Docker, since only it has builders. */
async function findBuilder(selection: EngineRequest, builder: string): Promise<ResolvedEngine> {
  const found = await findDocker(selection)
  const rootless = found.engine.rootless ? '' : ", and isn't known to run without root"
  warn(`Docker builds, not Buildah, because the input "builder" names the builder ${quote(builder)}${rootless}.`)
  return found
}

/** The storage of Docker's daemon, where `load` asks for it. */
const dockerStorage: DockerStorage = {
  findDaemon: async (env) => await (await import('./docker/load.js')).findDaemon(env),
  loadArchive: async (...args) => await (await import('./docker/load.js')).loadArchive(...args),
}

/** Docker's engine, which is loaded when it is needed: most builds are Buildah's. */
async function findDocker(selection: EngineRequest): Promise<ResolvedEngine> {
  const { findDockerEngine } = await import('./docker/docker.js')
  return await findDockerEngine(selection)
}

/** Adds the input "engine" to the error of a user who asked for Docker. */
function asAsked(error: unknown): never {
  if (!(error instanceof UserError) || /Input|Dockerfile/.test(error.message)) throw error
  const { message, cause, place } = error
  throw new UserError(`Input "engine": got "docker". ${message}`, error.hint, { cause, place })
}

async function fallBack(selection: EngineRequest, reason: UserError): Promise<ResolvedEngine> {
  await takeBackFromBuildUser(selection.folder)
  const found = await findDocker(selection).catch((error: unknown) => {
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
