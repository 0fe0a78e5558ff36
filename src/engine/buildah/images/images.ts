import { join } from 'node:path'
import { listOf, objectOf, textsOf } from '../../../lib/json.js'
import { textOfPlain } from '../../../lib/plain-file.js'
import type { Evidence, Image } from '../../engine.js'
import { sizeOf } from '../../image-size.js'
import { imagesFolder } from '../build/image-histories.js'
import { runBuildah } from '../command.js'
import { type BuildahSetup, globalArgs } from '../setup.js'

/** Full names of all images in the storage of the build. */
export async function imageNames(setup: BuildahSetup): Promise<ReadonlySet<string>> {
  return new Set((await imageDigests(setup)).keys())
}

/** What is told of them for what is attached to one. Scans are rare. */
export function evidenceOf(setup: BuildahSetup): Evidence {
  return {
    imageDigests: () => imageDigests(setup),
    scan: async (...asked) => (await import('./scan.js')).scan(...asked, setup),
  }
}

/** `sha256:…` of their manifests, by their full names; '' where Buildah tells none. */
async function imageDigests(setup: BuildahSetup): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await runBuildah(setup, [...globalArgs(setup), 'images', '--json'], {})
  const images = listOf(JSON.parse(stdout)).map(objectOf)
  return new Map(
    images.flatMap(({ names, digest }) =>
      textsOf(names).map((name) => [name, typeof digest === 'string' ? digest : ''] as const),
    ),
  )
}

/** A manifest of a thousand layers has 200 KiB. */
const MAX_MANIFEST = 4 * 2 ** 20

/**
 * Size of an image, for the log and the summary only: undefined where its manifest can't be read in the storage. Never
 * rejects.
 */
export async function readSize({ id }: Pick<Image, 'id'>, { root, mode }: BuildahSetup): Promise<Image['size']> {
  const path = join(imagesFolder(root, mode.driver), id.replace('sha256:', ''), 'manifest')
  const manifest = await textOfPlain(path, MAX_MANIFEST)
  return manifest === undefined ? undefined : sizeOf(manifest)
}
