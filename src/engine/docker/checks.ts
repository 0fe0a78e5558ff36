import { UserError } from '../../errors.js'
import type { Inputs } from '../../runner/inputs.js'
import { type Docker, isInsecure } from './builder.js'

/** @throws UserError where the build must run without root, and this engine may not */
export function checkRootless({ rootless }: Inputs, docker: Docker, name: string): void {
  if (rootless !== 'require' || docker.rootless) return
  throw new UserError(
    `Input "rootless": got "require", but ${name} isn't known to run without root.`,
    'Build with Buildah (`engine: buildah` says what it lacks here), run Docker in its rootless mode, or write `rootless: prefer`.',
  )
}

/**
 * Makes sure that the daemon may speak without TLS to these registries, which only its own configuration says.
 * @throws UserError for one that it may not
 */
export function checkInsecure(registries: readonly string[], { kind, insecure }: Docker, name: string): void {
  if (kind === 'buildx' || insecure === undefined) return
  const closed = registries.find((registry) => !isInsecure(registry, insecure))
  if (closed === undefined) return
  throw new UserError(
    `Input "tls-verify": got false, but for ${closed} ${name} follows only its own configuration.`,
    `Add it there: \`{"insecure-registries": [${JSON.stringify(closed)}]}\` in /etc/docker/daemon.json, and restart the daemon.`,
  )
}

/** @throws UserError for a compression that BuildKit doesn't know */
export function checkCompression({ compression }: Inputs, name: string): void {
  if (compression?.format !== 'zstd:chunked') return
  throw new UserError(
    `Input "compression" can't be honoured: ${name} doesn't know zstd:chunked.`,
    'Write `compression: zstd`, or `engine: buildah`.',
  )
}

/** Containers are the daemon's, whatever builds. @throws UserError where there is none */
export function checkTests({ tests }: Inputs, { insecure }: Docker, name: string): void {
  if (tests.length === 0 || insecure !== undefined) return
  throw new UserError(
    `Input "test" needs a Docker daemon to run containers, and none answers beside ${name}.`,
    'Start it (`sudo systemctl start docker`), write `engine: buildah`, or leave the input out.',
  )
}
