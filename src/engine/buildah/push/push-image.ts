import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, type Env } from '../../../exec.js'
import { withProgress } from '../../../lib/progress.js'
import { info } from '../../../log.js'
import { formatReference, type Reference } from '../../../metadata/reference.js'
import type { Image } from '../../engine.js'
import { takeFile } from '../../work-dir.js'
import { runBuildah } from '../command.js'
import { isOciRefusal, refusal } from '../failures.js'
import { countBlobs, pushedSoFar } from './push-progress.js'
import { type Destination, pushArgs } from '../registries/registry-args.js'
import { type BuildahSetup, withEnv } from '../setup.js'

/** Where an image is pushed to, and what that is called. */
export interface Target extends Destination {
  /** The registry and the repository behind a proxy; elsewhere the reference itself. */
  readonly named: Reference
  /** Further environment of Buildah. */
  readonly env?: Env | undefined
}

/** Pushes an image once. @returns digest of the manifest @throws RegistryError */
export type Push = (image: Image, target: Target) => Promise<string>

/**
 * Pushes images; in Docker's format to a registry that takes no OCI manifest, where the format is free.
 * @param isFormatFree whether nobody has asked for a format, nor for what only OCI's has
 */
export function imagePusher(setup: BuildahSetup, isFormatFree: () => boolean): Push {
  const dockerOnly = new Set<string>()
  return async (image, target) => {
    const { registry } = target.named
    const inDockers = { ...image, format: 'docker' } as const
    if (dockerOnly.has(registry)) return await pushOnce(inDockers, target, setup)
    return await pushOnce(image, target, setup).catch(async (error: unknown) => {
      if (!isFormatFree() || image.format === 'docker' || !isOciRefusal(error)) throw error
      const pushed = await pushOnce(inDockers, target, setup).catch(() => {
        throw error
      })
      info(`Format: ${registry} doesn't accept OCI manifests, so it gets the image in Docker's format`)
      dockerOnly.add(registry)
      return pushed
    })
  }
}

async function pushOnce(image: Image, target: Target, setup: BuildahSetup): Promise<string> {
  const { reference, named, env = {} } = target
  const name = formatReference(named)
  // References can be longer than names of files may be.
  const digestName = `${createHash('sha256').update(formatReference(reference)).digest('hex')}.digest`
  const digestFile = join(setup.folder.path, 'out', digestName)
  const seen = countBlobs()
  const { stderr } = await withProgress(
    (seconds) => `Push of ${name}: ${pushedSoFar(image, seen.count(), seconds)}`,
    () => runBuildah(withEnv(setup, env), pushArgs(image, target, digestFile, setup), { onOutput: seen.add }),
  ).catch((error: unknown) => {
    const scene = { registry: named.registry, hasLogin: setup.hasLogin }
    throw refusal(`Push of ${name} failed`, inOwnName(error, target), scene)
  })
  for (const line of stderr.match(/^.*retrying in.*$/gm) ?? []) info(`Push of ${name}: ${withName(line, target)}`)
  return await readDigest(await takeFile(setup.folder, digestName))
}

/** What Buildah says of a proxy, it says of the registry behind it. */
function inOwnName(error: unknown, target: Target): unknown {
  if (!(error instanceof CommandError)) return error
  return new CommandError(error.argv, error.exitCode, withName(error.output, target))
}

function withName(text: string, { reference, named }: Target): string {
  return text.replaceAll(reference.registry, named.registry)
}

/** Reads a file that Buildah wrote a digest into. It becomes an output of the step, so it must be one. */
async function readDigest(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^sha256:[0-9a-f]{64}$/.test(text))
    throw new Error(`Buildah wrote no digest into ${path}: ${JSON.stringify(text.slice(0, 100))}`)
  return text
}
