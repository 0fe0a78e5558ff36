import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withProgress } from '../../lib/progress.js'
import { info } from '../../log.js'
import { formatReference, type Reference } from '../../metadata/reference.js'
import type { Engine, Image, Pushed } from '../engine.js'
import { takeFile } from '../work-dir.js'
import { type BuildahSetup } from './setup.js'
import { pushArgs } from './registry-args.js'
import { runBuildah } from './command.js'
import { isOciRefusal, refusal } from './failures.js'
import { countBlobs, pushedSoFar } from './push-progress.js'

/**
 * Pushes images; in Docker's format to a registry that takes no OCI manifest, where the format is free.
 * @param isFormatFree whether nobody has asked for a format, nor for what only OCI's has
 */
export function openPusher(setup: BuildahSetup, isFormatFree: () => boolean): Pick<Engine, 'push'> {
  const dockerOnly = new Set<string>()
  return {
    async push(image, reference) {
      const { registry } = reference
      const inDockers = { ...image, format: 'docker' } as const
      if (dockerOnly.has(registry)) return await pushOnce(inDockers, reference, setup)
      return await pushOnce(image, reference, setup).catch(async (error: unknown) => {
        if (!isFormatFree() || image.format === 'docker' || !isOciRefusal(error)) throw error
        const pushed = await pushOnce(inDockers, reference, setup).catch(() => {
          throw error
        })
        info(`Format: ${registry} doesn't accept OCI manifests, so it gets the image in Docker's format`)
        dockerOnly.add(registry)
        return pushed
      })
    },
  }
}

async function pushOnce(image: Image, reference: Reference, setup: BuildahSetup): Promise<Pushed> {
  const name = formatReference(reference)
  // By its place: references can be longer than names of files may be.
  const digestName = `${image.references.indexOf(reference)}.digest`
  const digestFile = join(setup.folder.path, 'out', digestName)
  const seen = countBlobs()
  const { stderr } = await withProgress(
    (seconds) => `Push of ${name}: ${pushedSoFar(image, seen.count(), seconds)}`,
    () => runBuildah(setup, pushArgs(image, reference, digestFile, setup), { onOutput: seen.add }),
  ).catch((error: unknown) => {
    throw refusal(`Push of ${name} failed`, error, { registry: reference.registry, hasLogin: setup.hasLogin })
  })
  for (const line of stderr.match(/^.*retrying in.*$/gm) ?? []) info(`Push of ${name}: ${line}`)
  return { reference, digest: await readDigest(await takeFile(setup.folder, digestName)) }
}

/** Reads a file that Buildah wrote a digest into. It becomes an output of the step, so it must be one. */
async function readDigest(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^sha256:[0-9a-f]{64}$/.test(text))
    throw new Error(`Buildah wrote no digest into ${path}: ${JSON.stringify(text.slice(0, 100))}`)
  return text
}
