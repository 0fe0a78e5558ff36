import type { Pushed } from '../engine/engine.js'
import { describeInLine } from '../errors.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { listOf, objectOf, parseObject } from '../lib/json.js'
import { limiter, mapConcurrent } from '../lib/concurrency.js'
import { isIndex } from '../registry/image-index.js'
import type { Blob, Manifest } from '../registry/manifest.js'
import type { Registries } from '../registry/registries.js'
import type { Unknown } from './base-digests.js'
import { relabel, type Sayings } from './relabel.js'
import type { RememberedBuild } from './build-record.js'

type Place = RememberedBuild['places'][number]

const CONCURRENCY = 4
const BLOBS_AT_ONCE = 16

/** An image as a registry has it, and as it is to be there. */
interface Found {
  readonly source: Manifest
  /** What the source names, where it is an index of an image and what is attached to it; else the source alone. */
  readonly parts: readonly Manifest[]
  /** Digest of the manifest of the image, where the source is an index. */
  readonly image: string | undefined
  readonly wanted: Manifest
  /** The configuration that the wanted one has, where that is another. */
  readonly config: Blob | undefined
}

/** What is there now. */
export interface Put {
  readonly pushed: readonly Pushed[]
  /** Digest of the configuration, where it is another than before. */
  readonly imageId: string | undefined
}

/**
 * Puts an image that is in its registries under all these references, by its manifest alone.
 * @param sayings labels and annotations that it is to have instead of those that it has; undefined if it keeps them
 * @returns what is there now; or why it can't be done, as a sentence without its full stop. Never rejects.
 */
export async function putReferences(
  references: readonly Reference[],
  places: readonly Place[],
  registries: Registries,
  sayings?: Sayings,
): Promise<Put | Unknown> {
  const goals = references.map((reference) => ({ reference, place: nearest(reference, places) }))
  const stranger = goals.find(({ place }) => place === undefined)
  if (stranger !== undefined) return { why: `it was not pushed to ${stranger.reference.registry}` }
  const tags = lookUpTags(references, registries)
  try {
    const used = places.filter((place) => goals.some((goal) => goal.place === place))
    const images = new Map<Place, Found>()
    for (const [place, found] of await Promise.all(
      used.map(async (one) => [one, await findImage(one, registries, sayings)] as const),
    )) {
      if ('why' in found) return { why: `${formatReference(place)} ${found.why}` }
      images.set(place, found)
    }
    const ids = new Set([...images.values()].map(({ config }) => config?.digest))
    if (ids.size > 1) return { why: 'its registries hold it in several formats' }
    // Each manifest is fetched once, and each repository gets its layers once.
    const manifests = new Map<string, Promise<Manifest>>()
    const pushed: Pushed[] = []
    await mapConcurrent(goals, CONCURRENCY, async ({ reference, place }, index) => {
      if (place === undefined) return
      const found = images.get(place)
      if (found === undefined) throw new Error(`${formatReference(place)} was not looked up`)
      const manifest = () => {
        const name = `${place.digest} for ${reference.registry}/${reference.repository}`
        const known = manifests.get(name) ?? bringManifest(reference, place, found, registries)
        manifests.set(name, known)
        return known
      }
      const { image, wanted } = found
      const { digest } = wanted
      const there = await (tags.get(reference) ?? registries.resolve(placeOf(reference, digest)))
      if (there?.digest !== digest) await registries.putManifest(placeOf(reference, digest), await manifest())
      pushed[index] = { reference, digest, ...(image !== undefined && { image }) }
    })
    return { pushed, imageId: [...ids][0] }
  } catch (error) {
    return { why: describeInLine(error) }
  }
}

/** The same repository, else another one of the registry. */
function nearest({ registry, repository }: Reference, places: readonly Place[]): Place | undefined {
  const near = places.filter((place) => place.registry === registry)
  return near.find((place) => place.repository === repository) ?? near[0]
}

/** What the tags point to now: they are asked while the image is looked up. */
function lookUpTags(
  references: readonly Reference[],
  registries: Registries,
): ReadonlyMap<Reference, ReturnType<Registries['resolve']>> {
  const inTurn = limiter(CONCURRENCY)
  return new Map(
    references.flatMap((reference) => {
      const { registry, repository, tag } = reference
      if (tag === undefined) return []
      const look = inTurn(() => registries.resolve({ registry, repository, tag }))
      // What became of it counts only where the image can be reused.
      look.catch(() => undefined)
      return [[reference, look] as const]
    }),
  )
}

/** Where the manifest of a reference lies: without a tag it is one of the images of an index. */
function placeOf({ registry, repository, tag }: Reference, digest: string) {
  return { registry, repository, ...(tag === undefined ? { digest } : { tag }) }
}

/** The manifest, with all that it names in the repository of the reference. */
async function bringManifest(
  reference: Reference,
  place: Place,
  { source, parts, wanted, config }: Found,
  registries: Registries,
): Promise<Manifest> {
  const isElsewhere = reference.repository !== place.repository
  for (const digest of isElsewhere ? parts.flatMap(blobsOf) : []) {
    if (!(await registries.mountBlob(reference, digest, place)))
      throw new Error(
        `${reference.registry} doesn't mount layers from ${place.repository} into ${reference.repository}`,
      )
  }
  const repository = { registry: reference.registry, repository: reference.repository }
  for (const part of isElsewhere ? parts : [])
    if (part !== source) await registries.putManifest({ ...repository, digest: part.digest }, part)
  if (config !== undefined) await registries.putBlob(reference, config)
  return wanted
}

/** An image of which everything is there, so that it can be pulled; or what is wrong with it. */
async function findImage(place: Place, registries: Registries, sayings: Sayings | undefined): Promise<Found | Unknown> {
  const manifest = await registries.fetchManifest(place)
  if (manifest === undefined) return { why: 'is no longer in the registry' }
  const inside = isIndex(manifest.mediaType) ? await partsOf(manifest, place, registries) : undefined
  if (inside !== undefined && 'why' in inside) return inside
  const { parts, image } = inside ?? { parts: [manifest], image: undefined }
  const lost: string[] = []
  await mapConcurrent(parts.flatMap(blobsOf), BLOBS_AT_ONCE, async (digest) => {
    if (!(await registries.hasBlob(place, digest))) lost.push(digest)
  })
  if (lost[0] !== undefined) return { why: `can't be pulled: the registry has lost ${lost[0]}` }
  if (sayings === undefined) return { source: manifest, parts, image, wanted: manifest, config: undefined }
  if (inside !== undefined) return { why: "can't be relabelled: what is attached to it names its digest" }
  const [id = ''] = blobsOf(manifest)
  const made = relabel(manifest, await registries.fetchBlob(place, id), sayings)
  if ('why' in made) return { why: `can't be relabelled: ${made.why}` }
  return { source: manifest, parts, image, wanted: made.manifest, config: made.config }
}

/** What an index of one image names: the image, and what is attached to it. */
async function partsOf(
  index: Manifest,
  place: Place,
  registries: Registries,
): Promise<Pick<Found, 'parts' | 'image'> | Unknown> {
  const entries = listOf(parseObject(index.bytes.toString())['manifests']).map(objectOf)
  const parts: Manifest[] = []
  for (const { digest } of entries) {
    const part = typeof digest === 'string' ? await registries.fetchManifest({ ...place, digest }) : undefined
    if (part === undefined) return { why: `can't be pulled: the registry has lost ${String(digest)}` }
    parts.push(part)
  }
  const images = entries.filter(({ platform }) => objectOf(platform)['os'] !== 'unknown')
  const [image] = images.map(({ digest }) => digest)
  return { parts, image: typeof image === 'string' && images.length === 1 ? image : undefined }
}

/**
 * Digests of all that a manifest of an image names in its repository: its configuration and its layers. Those that lie
 * elsewhere have addresses of their own.
 */
function blobsOf({ bytes, digest }: Manifest): string[] {
  const { config, layers } = parseObject(bytes.toString())
  const named = [config, ...listOf(layers)].map(objectOf)
  return named.flatMap(({ digest: blob, urls }) => {
    if (typeof blob !== 'string') throw new Error(`${digest} is not an image manifest`)
    return listOf(urls).length > 0 ? [] : [blob]
  })
}
