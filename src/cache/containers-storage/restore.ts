import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainersStorage, giveToBuildUser } from '../../build-storage.js'
import { renderProgress, withProgress } from '../../lib/progress.js'
import { roomFor } from '../../lib/disk-space.js'
import { bytesOf, fetchPart, GONE, type Part, type StagingOptions } from '../backends/parts.js'
import { areThere, makePlaces, placesOf } from './layout.js'
import { putRecords, removeOrphaned, type Tools, unpack } from './archive.js'
import { limiter, mapConcurrent } from '../../lib/concurrency.js'
import { contentsOf, type Restorable, partsOf, withoutParts } from './select.js'
import { failureOf } from '../errors.js'

/** Where parts come from, and what handles them. */
export interface Workplace extends StagingOptions {
  readonly tools: Tools
  readonly store: ContainersStorage
}

export interface Come {
  readonly restorable: Restorable
  readonly parts: number
  readonly bytes: number
  /** SHA-256 of the parts. */
  readonly fetched: readonly string[]
  /** What didn't come back, and why; one sentence a cause. */
  readonly failures: readonly string[]
}

/** How many parts are on their way at once: some are fetched while others are unpacked. */
const CONCURRENCY = 4
/** The fewer of them share the line, the earlier the first one can be unpacked; one alone may not fill it. */
const FETCH_CONCURRENCY = 2
/** An archive of empty files has three times as many bytes as the layer that they are of. */
const HEADERS_FACTOR = 4
/** Of the files next to a layer or an image. */
const BESIDE_BYTES = 16 * 2 ** 20
/**
 * Fetches the parts of an offer, checks each against its digest and unpacks it into the root, then puts the records
 * there. What is missing or wrong takes with it what stands on it; the rest is used.
 * @throws Error only when not even the records can be put there
 */
export async function restore(
  restorable: Restorable,
  parts: readonly Part[],
  root: string,
  place: Workplace,
): Promise<Come> {
  const needed = partsOf(restorable)
  const known = new Map(parts.filter(({ sha256 }) => needed.has(sha256)).map((part) => [part.sha256, part]))
  const wanted = [...known.values()].sort((one, other) => other.bytes - one.bytes)
  const come = new Map<string, Part>()
  const failures = new Set<string>()
  await makePlaces(root, place.store)
  const throughGate = limiter(FETCH_CONCURRENCY)
  const fetched: Part[] = []
  const comeSoFar = async (seconds: number) => {
    const done = bytesOf(fetched) + (await bytesUnderWay(place.stagingDir))
    return renderProgress({ what: 'Cache', done, total: bytesOf(wanted), seconds })
  }
  await withProgress(comeSoFar, () =>
    mapConcurrent(wanted, CONCURRENCY, async (part) => {
      try {
        const archive = await throughGate(() => fetchForBuild(part, place))
        fetched.push(part)
        await unpackPart({ part, archive }, restorable, root, place)
        come.set(part.sha256, part)
      } catch (error) {
        failures.add(failureOf(error))
      }
    }),
  )
  const whole = withoutParts(restorable, new Set([...needed].filter((sha256) => !come.has(sha256))))
  // A layer that is built or pulled again may get the id of one that came back in vain.
  if (come.size < needed.size) await removeOrphaned(place.store, root, contentsOf(whole))
  await putRecords(place.tools, place.store, { root, contents: contentsOf(whole) }, place.stagingDir)
  const bytes = bytesOf([...come.values()])
  // Where the service itself says why a part didn't come, it is known already.
  const causes = [...failures].filter((text) => text !== GONE || place.entries.failures().length === 0)
  return { restorable: whole, parts: come.size, bytes, fetched: [...come.keys()], failures: causes }
}

/** What of parts has arrived that aren't all there: the client writes each into a folder of its own in the staging directory. */
async function bytesUnderWay(stagingDir: string): Promise<number> {
  const folders = (await readdir(stagingDir, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const files = await Promise.all(
    folders.map(async ({ name }) =>
      (await readdir(join(stagingDir, name)).catch(() => [])).map((file) => join(stagingDir, name, file)),
    ),
  )
  const sizes = files.flat().map((file) =>
    stat(file).then(
      ({ size }) => size,
      () => 0,
    ),
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** Fetches a part and checks it. @returns the path of the file, which the account may read */
export async function fetchForBuild(part: Part, place: Workplace): Promise<string> {
  return await giveToBuildUser(place.store, await fetchPart(part, place), part.sha256)
}

/**
 * What the archive of a part can have, by what the records say of the layers in it: with its headers, which have more in
 * them than those of a layer, it may be some times as large. Undefined where they don't say.
 */
export function bytesIn({ layers, images }: Restorable): number | undefined {
  const sizes = layers.map(({ record }) => record['diff-size'] ?? -1)
  if (sizes.some((size) => size < 0)) return undefined
  const files = layers.length + images.length
  return sizes.reduce((sum, size) => sum + size * HEADERS_FACTOR, 0) + files * BESIDE_BYTES
}

async function unpackPart(
  { part, archive }: { readonly part: Part; readonly archive: string },
  restorable: Restorable,
  root: string,
  place: Workplace,
): Promise<void> {
  const places = placesOf(place.store.layout)
  const layers = restorable.layers.filter((layer) => layer.part === part.sha256)
  const images = restorable.images.filter((image) => image.part === part.sha256)
  const members = [
    ...layers.flatMap(({ record }) => places.ofLayer(record.id)),
    ...images.flatMap(({ record }) => places.ofImage(record.id)),
  ]
  const maxBytes = bytesIn({ layers, images }) ?? (await roomFor(root))
  // A disk that was too small for all of it needs the room.
  const done = () => rm(archive, { force: true })
  await unpack(place.tools, place.store, root, { file: archive, members, maxBytes }).finally(done)
  if (!(await areThere(root, members)))
    throw new Error('a part of the cache has a link in place of a layer or an image')
}
