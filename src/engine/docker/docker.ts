import { readFile } from 'node:fs/promises'
import { frontendOf } from '../../dockerfile/dockerfile.js'
import { result } from '../../log.js'
import type { ResolvedEngine } from '../engine.js'
import type { EngineRequest } from '../engines.js'
import { printsChecks } from './check-argument.js'
import { privateConfig } from './config.js'
import { findDocker } from './detect.js'
import { ambiguityOf } from './fresh-bases.js'
import { inDaemonEngine } from './daemon.js'
import { ownBuilderEngine } from './buildx.js'
import { checkDocker, sayBuilder } from './checks.js'
import { resolveNames } from './resolve-names.js'

/**
 * Finds Docker, and makes sure that it can build what is asked.
 * @throws UserError when it can't: why, and what to do
 */
export async function findDockerEngine(selection: EngineRequest): Promise<ResolvedEngine> {
  const { inputs, source, context, folder, logins, insecure } = selection
  const { builder } = inputs
  const env = {
    ...(await privateConfig(folder, context, logins)),
    ...(builder !== undefined && { BUILDX_BUILDER: builder }),
  }
  const docker = await findDocker(env, { builder })
  const name = `${docker.name} with Buildx ${docker.buildx}, driver ${docker.driver}`
  const frontend = inputs.buildArgs.some(({ name }) => name === 'BUILDKIT_SYNTAX')
    ? 'named by a build argument'
    : frontendOf(await readFile(source.file, 'utf8'))
  checkDocker({ inputs, source, hasFrontend: frontend !== undefined }, insecure, docker, name)
  result(`Engine: ${name} (${docker.path}), ${docker.rootless ? 'rootless' : 'not rootless'}`)
  sayBuilder(docker, inputs)
  const isOwn = docker.kind === 'buildx'
  const facts = { name: 'docker', label: name, version: docker.version, rootless: docker.rootless } as const
  const client = { docker, env, folder }
  return {
    engine: facts,
    traits: {
      usesFrontend: true,
      keepsExcludedFolders: true,
      dropsDockerSettings: false,
      needsChallenge: false,
      pushesFromHere: false,
      printsChecks: printsChecks(docker),
    },
    env: context.env,
    store: {
      ...{ kind: 'blobs', layout: isOwn ? 'oci-layout' : 'saved-image', staysInEngine: !isOwn, folder: folder.path },
      isKeptElsewhere: builder !== undefined && docker.keepsSteps,
    },
    prewarm: () => Promise.resolve(),
    resolveNames,
    // What a builder does by itself isn't told.
    emulates: () => false,
    knownFaults: { ofVolumes: false, tell: () => ({ warnings: [], notes: [] }) },
    // In the daemon's own storage an image has no place for them.
    takesDefaultAnnotations: isOwn,
    // A builder outside of the daemon only knows what registries have.
    ambiguityOf: (images) => (docker.driver === 'docker' ? ambiguityOf(images, client) : Promise.resolve(undefined)),
    forPlatform: undefined,
    // Its builder has them for all platforms by itself.
    takesStages: false,
    configure: (root) => {
      const setup = { ...client, context, root, insecure, facts }
      return Promise.resolve(isOwn ? ownBuilderEngine(setup) : inDaemonEngine(setup))
    },
  }
}
