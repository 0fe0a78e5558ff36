import { readFile } from 'node:fs/promises'
import { frontendOf } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import type { Inputs } from '../../runner/inputs.js'
import { info, result } from '../../log.js'
import { parseReference } from '../../metadata/reference.js'
import { exactly, resolveAll, type Resolved } from '../base-names.js'
import type { ResolvedEngine, EngineRequest } from '../engine.js'
import { type Docker, isInsecure } from './builder.js'
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
  const env = await privateConfig(folder, context, logins)
  const docker = await findDocker(env)
  const name = `${docker.name} with Buildx ${docker.buildx}, driver ${docker.driver}`
  checkRootless(inputs, docker, name)
  const frontend = inputs.buildArgs.some(({ name }) => name === 'BUILDKIT_SYNTAX')
    ? 'named by a build argument'
    : frontendOf(await readFile(source.file, 'utf8'))
  checkParity({ inputs, source, hasFrontend: frontend !== undefined }, docker, name)
  checkByDigest(inputs, name)
  checkInsecure(insecure, docker, name)
  result(`Engine: ${name} (${docker.path}), ${docker.rootless ? 'rootless' : 'not rootless'}`)
  if (!docker.rootless && inputs.engine === 'docker')
    info('  The build has the privileges of the Docker daemon, which runs as root.')
  const isOwn = docker.kind === 'buildx'
  const facts = { name: 'docker', label: name, version: docker.version, rootless: docker.rootless } as const
  const client = { docker, env, folder }
  return {
    engine: facts,
    traits: { usesFrontend: true, keepsExcludedFolders: true, dropsDockerSettings: false, needsChallenge: false },
    env: context.env,
    store: { kind: 'blobs', layout: isOwn ? 'oci-layout' : 'saved-image', staysInEngine: !isOwn, folder: folder.path },
    prewarm: () => Promise.resolve(),
    resolveNames: (names) => resolveAll(names, [], resolveName),
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

function checkByDigest({ byDigest }: Inputs, name: string): void {
  if (!byDigest) return
  throw new UserError(
    `Input "outputs": got type=image with push-by-digest=true, but through this action ${name} pushes no image without a tag.`,
    'Write `engine: buildah`, or build this leg with docker/build-push-action; `digests` joins what it pushes as well.',
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
