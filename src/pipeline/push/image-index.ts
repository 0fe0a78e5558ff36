import { RegistryError } from '../../errors.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import type { Pushed } from '../../engine/engine.js'
import type { Registries } from '../../registry/registries.js'
import { imageIndex, type IndexEntry, isIndex } from '../../registry/image-index.js'
import { entriesOf } from '../../registry/index-entries.js'
import type { Descriptor, Manifest } from '../../registry/manifest.js'
import { type Annotations, annotationsAt } from '../prepare/annotations.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import { pushEach } from './push.js'
import type { PlatformResult, Result } from '../result.js'

/** What is where the index was put. */
export type Indexed = Pick<Result, 'pushed' | 'descriptor'>

/** Puts the index of images that were pushed by their digests, or has another step do so. */
export type PutIndex = (platforms: readonly PushedPlatform[]) => Promise<Partial<Result> & Pick<Result, 'pushed'>>

/** Where the image of a platform was pushed to by its digest. */
export type PushedPlatform = Pick<PlatformResult, 'platform' | 'pushed'>

/**
 * Puts one index of the platforms under every reference, in the order of the platforms and without times: the same images
 * are the same index. Each must be in the repository of the reference already.
 */
export async function putIndex(
  metadata: Pick<Annotations, 'leveled'> & { readonly references: readonly Reference[] },
  platforms: readonly PushedPlatform[],
  pipeline: Pick<PipelineContext, 'credentials' | 'context' | 'services'>,
): Promise<Indexed> {
  const registries = await openRegistries(pipeline)
  try {
    return await putIndexes(
      metadata.references,
      (repository) => makeIndex(repository, platforms, metadata, registries),
      registries,
    )
  } finally {
    registries.close()
  }
}

/** Puts under every reference the index that its repository is to have. */
export async function putIndexes(
  references: readonly Reference[],
  make: (repository: Reference) => Promise<Manifest>,
  registries: Registries,
): Promise<Indexed> {
  const indexes = new Map<string, Promise<Manifest>>()
  const indexOf = (reference: Reference) => {
    const repository = repositoryOf(reference)
    const name = formatReference(repository)
    const index = indexes.get(name) ?? make(repository)
    indexes.set(name, index)
    // Whoever tries again makes it again.
    index.catch(() => indexes.delete(name))
    return index
  }
  const small = { references, size: { layers: 0, bytes: 0 } }
  const pushed = await pushEach(small, references, async (reference) =>
    putUnder(reference, await indexOf(reference), registries),
  )
  const [first] = references
  if (first === undefined) return { pushed }
  const { digest, mediaType, size } = await indexOf(first)
  return { pushed, descriptor: { digest, mediaType, size } }
}

async function makeIndex(
  repository: Reference,
  platforms: readonly PushedPlatform[],
  metadata: Pick<Annotations, 'leveled'>,
  registries: Registries,
): Promise<Manifest> {
  const entries = await Promise.all(
    platforms.map(async ({ platform, pushed }): Promise<IndexEntry[]> => {
      const { digest, mediaType, size } = await findManifest(repository, pushed, registries)
      // It has what is attached to its image beside it.
      const inside = isIndex(mediaType) ? await entriesOf(registries, { ...repository, digest }) : undefined
      const own = annotationsAt(metadata, 'manifest-descriptor', platform)
      if (inside === undefined) return [{ platform: { ...platform }, digest, mediaType, size, ...own }]
      return inside.map((entry) => withOwn(entry, own))
    }),
  )
  return imageIndex(attachedLast(entries.flat()), annotationsAt(metadata, 'index').annotations)
}

/** What is said of an image in addition isn't said of what is attached to it. Pure. */
export function withOwn(entry: IndexEntry, own: Pick<IndexEntry, 'annotations'>): IndexEntry {
  return isImage(entry) ? { ...entry, annotations: { ...entry.annotations, ...own.annotations } } : entry
}

/** What is attached comes behind all images. Pure. */
export function attachedLast(entries: readonly IndexEntry[]): IndexEntry[] {
  return [...entries.filter(isImage), ...entries.filter((entry) => !isImage(entry))]
}

function isImage({ platform }: IndexEntry): boolean {
  return platform?.os !== 'unknown'
}

/** The registry's own word on what was pushed by its digest. */
async function findManifest(
  repository: Reference,
  pushed: readonly Pushed[],
  registries: Registries,
): Promise<Descriptor> {
  const name = formatReference(repository)
  const own = pushed.find(({ reference }) => formatReference(repositoryOf(reference)) === name)
  const found = own && (await registries.resolve({ ...repository, digest: own.digest }))
  if (found !== undefined) return found
  const { registry } = repository
  throw new RegistryError(
    `${registry} doesn't have ${name}@${own?.digest ?? ''}, which was just pushed.`,
    "Run the job again. If that doesn't help, check whether the registry removes manifests without a tag.",
    true,
  )
}

/** Under a tag that has it already nothing is put: it may be one that can't be changed. */
async function putUnder(reference: Reference, index: Manifest, registries: Registries): Promise<Pushed> {
  const { tag } = reference
  if (tag === undefined) throw new Error(`${formatReference(reference)} has no tag`)
  const there = await registries.resolve(reference)
  if (there?.digest !== index.digest) await registries.putManifest({ ...reference, tag }, index)
  return { reference, digest: index.digest }
}
