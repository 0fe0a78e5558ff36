import { readFile } from 'node:fs/promises'
import { frontendOf } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import type { Inputs } from '../../runner/inputs.js'
import { info, result } from '../../log.js'
import { parseReference } from '../../metadata/reference.js'
import { exactly, resolveAll, type Resolved } from '../base-names.js'
import type { ResolvedEngine, EngineRequest } from '../engine.js'
import { type Docker, isInsecure, keepsSteps } from './builder.js'
import { privateConfig } from './config.js'
import { findDocker } from './detect.js'
import { ambiguityOf } from './fresh-bases.js'
import { inDaemonEngine } from './daemon.js'
import { ownBuilderEngine } from './buildx.js'
import { checkParity } from './unsupported.js'

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
  checkRootless(inputs, docker, name)
  const frontend = inputs.buildArgs.some(({ name }) => name === 'BUILDKIT_SYNTAX')
    ? 'named by a build argument'
    : frontendOf(await readFile(source.file, 'utf8'))
  checkParity({ inputs, source, hasFrontend: frontend !== undefined }, docker, name)
  checkInsecure(insecure, docker, name)
  result(`Engine: ${name} (${docker.path}), ${docker.rootless ? 'rootless' : 'not rootless'}`)
  sayNodes(docker)
  if (!docker.rootless && (inputs.engine === 'docker' || builder !== undefined)) info(`  ${privilegesOf(docker)}`)
  const isOwn = docker.kind === 'buildx'
  const facts = { name: 'docker', label: name, version: docker.version, rootless: docker.rootless } as const
  const client = { docker, env, folder }
  return {
    engine: facts,
    traits: { usesFrontend: true, keepsExcludedFolders: true, dropsDockerSettings: false, needsChallenge: false },
    env: context.env,
    store: {
      ...{ kind: 'blobs', layout: isOwn ? 'oci-layout' : 'saved-image', staysInEngine: !isOwn, folder: folder.path },
      isKeptElsewhere: builder !== undefined && keepsSteps(docker),
    },
    prewarm: () => Promise.resolve(),
    resolveNames: (names) => resolveAll(names, [], resolveName),
    // What a builder does by itself isn't told.
    emulates: () => false,
    knownFaults: { ofVolumes: false, tell: () => ({ warnings: [], notes: [] }) },
    // In the daemon's own storage an image has no place for them.
    takesDefaultAnnotations: () => isOwn,
    // A builder outside of the daemon only knows what registries have.
    ambiguityOf: (images) => (docker.driver === 'docker' ? ambiguityOf(images, client) : Promise.resolve(undefined)),
    forPlatform: undefined,
    configure: (root) => {
      const setup = { ...client, context, root, insecure, facts }
      return Promise.resolve(isOwn ? ownBuilderEngine(setup) : inDaemonEngine(setup))
    },
  }
}

/** Of several nodes, which platforms each is for. */
function sayNodes({ nodes }: Docker): void {
  if (nodes.length < 2) return
  for (const { name, platforms, rootless } of nodes)
    info(
      `  node ${name}${rootless ? ' (rootless)' : ''}: ${platforms.length === 0 ? 'not running' : platforms.join(', ')}`,
    )
}

function privilegesOf({ driver, name }: Docker): string {
  if (driver.startsWith('docker')) return 'The build has the privileges of the Docker daemon, which runs as root.'
  return `The build runs elsewhere, and ${name} isn't known to run without root.`
}

/** Docker takes the registry that a name has, else Docker Hub. Pure. */
function resolveName(name: string): Resolved {
  try {
    const reference = exactly(parseReference(name))
    return { candidates: [{ name: reference, sources: [{ reference, insecure: false }] }] }
  } catch (error) {
    if (error instanceof UserError) return { unknown: error.message }
    throw error
  }
}

function checkRootless({ rootless }: Inputs, docker: Docker, name: string): void {
  if (rootless !== 'require' || docker.rootless) return
  throw new UserError(
    `Input "rootless": got "require", but ${name} isn't known to run without root.`,
    'Build with Buildah (`engine: buildah` says what it lacks here), run Docker in its rootless mode, or write `rootless: prefer`.',
  )
}

/** Whom the daemon speaks to without TLS is said in its own configuration alone. */
function checkInsecure(registries: readonly string[], { kind, insecure }: Docker, name: string): void {
  if (kind === 'buildx' || insecure === undefined) return
  const closed = registries.find((registry) => !isInsecure(registry, insecure))
  if (closed === undefined) return
  throw new UserError(
    `Input "tls-verify": got false, but for ${closed} ${name} follows only its own configuration.`,
    `Add it there: \`{"insecure-registries": [${JSON.stringify(closed)}]}\` in /etc/docker/daemon.json, and restart the daemon.`,
  )
}
