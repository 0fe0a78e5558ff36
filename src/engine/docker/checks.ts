import { UserError } from '../../errors.js'
import { info } from '../../log.js'
import { SET_UP_BUILDX } from '../../runner/input-table.js'
import type { Inputs } from '../../runner/inputs.js'
import { type Docker, isInsecure } from './builder.js'
import { type Asked, checkParity } from './unsupported.js'

/**
 * Makes sure that Docker can build what is asked, as it is asked.
 * @param insecure registries that it must contact without TLS
 * @param name of the builder, for errors
 * @throws UserError for the first input or line that it can't honour
 */
export function checkDocker(asked: Asked, insecure: readonly string[], docker: Docker, name: string): void {
  checkRootless(asked.inputs, docker, name)
  checkParity(asked, docker, name)
  checkByDigest(asked.inputs, docker, name)
  checkInsecure(insecure, docker, name)
  checkTests(asked.inputs, docker, name)
  checkCompression(asked.inputs, name)
}

function checkRootless({ rootless }: Inputs, docker: Docker, name: string): void {
  if (rootless !== 'require' || docker.rootless) return
  throw new UserError(
    `Input "rootless": got "require", but ${name} isn't known to run without root.`,
    'Build with Buildah (`engine: buildah` says what it lacks here), run Docker in its rootless mode, or write `rootless: prefer`.',
  )
}

function checkByDigest({ byDigest }: Inputs, { kind }: Docker, name: string): void {
  if (!byDigest || kind === 'buildx') return
  throw new UserError(
    `Input "outputs": got type=image with push-by-digest=true, but ${name} pushes no image without a tag.`,
    `${SET_UP_BUILDX} Or write \`engine: buildah\`.`,
  )
}

/** The daemon's own configuration alone says which registries it contacts without TLS. */
function checkInsecure(registries: readonly string[], { kind, insecure }: Docker, name: string): void {
  if (kind === 'buildx' || insecure === undefined) return
  const closed = registries.find((registry) => !isInsecure(registry, insecure))
  if (closed === undefined) return
  throw new UserError(
    `Input "tls-verify": got false, but for ${closed} ${name} follows only its own configuration.`,
    `Add it there: \`{"insecure-registries": [${JSON.stringify(closed)}]}\` in /etc/docker/daemon.json, and restart the daemon.`,
  )
}

/** Says, of several nodes, which platforms each builds, and whose rights the build has. */
export function sayBuilder(docker: Docker, { engine, builder }: Pick<Inputs, 'engine' | 'builder'>): void {
  const { nodes, rootless } = docker
  for (const node of nodes.length > 1 ? nodes : []) {
    const platforms = node.platforms.length === 0 ? 'not running' : node.platforms.join(', ')
    info(`  node ${node.name}${node.rootless ? ' (rootless)' : ''}: ${platforms}`)
  }
  if (!rootless && (engine === 'docker' || builder !== undefined)) info(`  ${privilegesOf(docker)}`)
}

function privilegesOf({ driver, name }: Docker): string {
  if (driver.startsWith('docker')) return 'The build has the privileges of the Docker daemon, which runs as root.'
  return `The build runs elsewhere, and ${name} isn't known to run without root.`
}

function checkCompression({ compression }: Inputs, name: string): void {
  if (compression?.format !== 'zstd:chunked') return
  throw new UserError(
    `Input "compression" can't be honoured: ${name} doesn't know zstd:chunked.`,
    'Write `compression: zstd`, or `engine: buildah`.',
  )
}

/** Containers are the daemon's, whatever builds. */
function checkTests({ tests }: Inputs, { insecure }: Docker, name: string): void {
  if (tests.length === 0 || insecure !== undefined) return
  throw new UserError(
    `Input "test" needs a Docker daemon to run containers, and none answers beside ${name}.`,
    'Start it (`sudo systemctl start docker`), write `engine: buildah`, or leave the input out.',
  )
}
