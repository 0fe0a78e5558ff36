import { constants } from 'node:fs'
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestFile } from '../../lib/hash.js'
import type { OciLayout } from '../../build-storage.js'
import { dropUnused, readBlobs } from './files.js'
import { type BlobFile, type BlobIndex, divide, formatBlobIndex, parseBlobIndex, placed, tooMuch } from './index.js'
import type { Saved } from '../cache.js'
import { bytesOf, type Part } from '../containers-storage/index.js'
import { partPath } from '../key.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import type { Limits } from '../containers-storage/retention.js'
import { type Author, type StagingOptions, endOfParts, send, sendIndex } from '../backends/upload.js'

/** What a run leaves of a folder of steps for the next ones; it can be written down and carried out later. */
export interface BlobOrder extends Author {
  readonly kind: 'blobs'
  readonly root: string
  readonly layout: OciLayout['layout']
  /** What was found before the build, as text. */
  readonly before: string | undefined
  readonly seconds: BlobIndex['seconds']
  readonly limits: Pick<Limits, 'now' | 'ttlMs' | 'maxBytes'>
  readonly deadlineMs: number
  /** What was said already of the service. */
  readonly said: readonly string[]
}

/** What of a folder is new. */
export interface BlobPlan {
  readonly before: BlobIndex | undefined
  /** All files; those that no part holds yet have the part ''. */
  readonly files: readonly BlobFile[]
  /** Whether anything has to be written. */
  readonly isDue: boolean
}

const CONCURRENCY = 3

/**
 * Looks at the folder and works out what of it is new.
 * @throws Error when it is more than may be kept
 */
export async function planBlobs({ root, layout, limits, ...order }: BlobOrder): Promise<BlobPlan> {
  await dropUnused(root, layout)
  const before = order.before === undefined ? undefined : parseBlobIndex(order.before)
  const files = placed(await readBlobs(root), before)
  const much = tooMuch(bytesOf(files), limits.maxBytes)
  if (much !== undefined) throw new Error(much)
  const names = (all: readonly BlobFile[]) => all.map(({ path, sha256 }) => `${path} ${sha256}`).join('\n')
  const isNew = before === undefined || names(before.files) !== names(files)
  // It might be dropped before the next run says that it is used.
  const isAging = before !== undefined && limits.now - before.used > limits.ttlMs / 2
  return { before, files, isDue: isNew || isAging }
}

/**
 * Sends what is new of a folder, and the index that says where everything is. All of it or nothing: a part of a folder is
 * of no use. Never throws.
 */
export async function saveBlobs(order: BlobOrder, plan: BlobPlan, place: StagingOptions): Promise<Saved> {
  const started = Date.now()
  const end = started + order.deadlineMs
  const sent: Part[] = []
  const saved = (failures: readonly string[]) => ({
    parts: sent.length,
    bytes: bytesOf(sent),
    seconds: (Date.now() - started) / 1000,
    failures,
    later: undefined,
  })
  const parts = await makeParts(plan, order.root, place.stagingDir)
  await mapConcurrent(parts.fresh, CONCURRENCY, async (part) => {
    if (await send(part, order, place, endOfParts(end, order.deadlineMs))) sent.push(part)
  })
  const index = { layout: order.layout, ...parts, seconds: order.seconds, used: order.limits.now }
  const isWhole = sent.length === parts.fresh.length && (await sendIndex(formatBlobIndex(index), order, place, end))
  if (isWhole) return saved([])
  // Where the service itself says why, and hasn't said so before, that is all there is to say.
  const causes = place.entries.failures()
  // By now it may have ended the rest of the run, which is said behind it.
  const news = causes.filter((cause) => !order.said.some((text) => cause.startsWith(text)))
  return saved(causes.length > 0 ? news : ['not all of the steps was taken, so that the next run finds older ones'])
}

/** Lays out what has to be sent, each under the name that its content has. */
async function makeParts(
  { before, files }: BlobPlan,
  root: string,
  stagingDir: string,
): Promise<{ files: readonly BlobFile[]; parts: readonly Part[]; fresh: readonly Part[] }> {
  const { alone, together } = divide(files)
  const paths = new Map(alone.map(({ sha256, path }) => [sha256, path]))
  for (const [sha256, path] of paths)
    await copyFile(join(root, path), join(stagingDir, partPath(sha256)), constants.COPYFILE_FICLONE)
  const bundle = await makeBundle(together, root, stagingDir)
  const packed = [...alone.map((file) => ({ ...file, part: file.sha256 })), ...bundle.files]
  const places = new Map(packed.map((file) => [file.path, file]))
  const all = files.map((file) => places.get(file.path) ?? file)
  const whole = all.filter(({ part, sha256 }) => part === sha256).map(({ sha256, bytes }) => ({ sha256, bytes }))
  const parts = new Map([...whole, ...bundle.parts].map((part) => [part.sha256, part]))
  const known = new Set(before?.parts.map(({ sha256 }) => sha256))
  const fresh = [...parts.values()].filter(({ sha256 }) => !known.has(sha256))
  return { files: all, parts: [...parts.values()], fresh }
}

/** Writes small files one behind the other, as one part in which each is found by its place. */
async function makeBundle(
  files: readonly BlobFile[],
  root: string,
  stagingDir: string,
): Promise<{ files: readonly BlobFile[]; parts: readonly Part[] }> {
  if (files.length === 0) return { files, parts: [] }
  const path = join(stagingDir, 'bundle')
  await rm(path, { recursive: true, force: true })
  const offsets: number[] = []
  let offset = 0
  for (const { path: name, bytes } of files) {
    await writeFile(path, await readFile(join(root, name)), { flag: 'a', mode: 0o600 })
    offsets.push(offset)
    offset += bytes
  }
  const part = await digestFile(path)
  await rename(path, join(stagingDir, partPath(part.sha256)))
  return {
    files: files.map((file, index) => ({ ...file, part: part.sha256, offset: offsets[index] ?? 0 })),
    parts: [part],
  }
}
