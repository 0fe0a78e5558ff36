import { constants } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestFile } from '../digest.js'
import { describe } from '../errors.js'
import type { Blobs } from '../store.js'
import { type BlobFile, type BlobIndex, divide, formatBlobIndex, parseBlobIndex, placed } from './blob-index.js'
import { dropUnused, holdsSteps, isWhole, readBlobs } from './blob-folder.js'
import { NOTHING_RESTORED, NOTHING_SAVED, type Restored, type Run, type Saved, type Warm } from './cache.js'
import { freeBytes } from './disk.js'
import type { Entries } from './entries.js'
import type { Part } from './index.js'
import { indexPath, indexPrefix, partPath } from './key.js'
import { send, sendIndex } from './keep.js'
import { inParallel } from './parallel.js'
import type { RemoteOptions } from './options.js'
import { fetchChecked } from './restore.js'
import { troubleOf } from './trouble.js'

/** What a run leaves of a folder of steps for the next ones; it can be written down and carried out later. */
export interface BlobOrder {
  readonly kind: 'blobs'
  readonly scope: string
  readonly ref: string
  readonly unique: string
  readonly root: string
  readonly layout: Blobs['layout']
  /** What was found before the build, as text. */
  readonly before: string | undefined
  readonly seconds: BlobIndex['seconds']
  readonly now: number
  readonly maxBytes: number
  readonly deadlineMs: number
}

const PATIENCE_MS = 20_000
const FETCHED_AT_ONCE = 3
const SENT_AT_ONCE = 3
const QUICK_BYTES = 8 * 2 ** 20
const ROOM_FACTOR = 2
/** An index is written again when half the time is over after which a service forgets it. */
const AGING = 2

/** Fills a folder with the steps that the last run has left with a service. Never throws. */
export async function openRemoteBlobs(options: RemoteOptions, blobs: Blobs, root: string): Promise<Warm> {
  const started = Date.now()
  // The two kinds of folder have nothing in common that could be shared.
  const scope = `${options.scope}-${blobs.layout}`
  const flaws: string[] = []
  const found = options.read ? await findIndex({ ...options, scope }, blobs, flaws) : undefined
  const { restored, index } = await fill(found, root, options).catch(async (error: unknown) => {
    // An incomplete folder would fail the build.
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { recursive: true, mode: 0o700 })
    return { restored: { ...NOTHING_RESTORED, troubles: [troubleOf(error)] }, index: undefined }
  })
  const troubles = [...flaws, ...restored.troubles, ...options.entries.troubles()]
  return {
    root,
    restored: { ...restored, seconds: (Date.now() - started) / 1000, troubles: [...new Set(troubles)] },
    renewedBases: () => Promise.resolve([]),
    keep: (run) => keepSome(orderOf(run, options, scope, blobs, root, index, restored), run.failed, options),
  }
}

/** @param flaws gets what is wrong with those that are passed over */
async function findIndex(
  { entries, scope, refs, desk, limits }: RemoteOptions,
  { layout }: Blobs,
  flaws: string[],
): Promise<BlobIndex | undefined> {
  for (const ref of refs) {
    const path = indexPath(ref)
    // What another look has left there.
    await rm(join(desk, path), { recursive: true, force: true })
    if ((await entries.fetch(indexPrefix(scope, ref), path, PATIENCE_MS)) === undefined) continue
    try {
      const index = parseBlobIndex(await readFile(join(desk, path), 'utf8'))
      if (index.layout === layout && index.used >= limits.now - limits.ttlMs) return index
    } catch (error) {
      flaws.push(`an index is not used: ${describe(error)}`)
    }
  }
  return undefined
}

/** @throws Error when anything of the folder is missing or wrong */
async function fill(
  index: BlobIndex | undefined,
  root: string,
  { entries, desk }: Pick<RemoteOptions, 'entries' | 'desk'>,
): Promise<{ restored: Restored; index: BlobIndex | undefined }> {
  if (index === undefined) return { restored: NOTHING_RESTORED, index }
  const bytes = index.parts.reduce((sum, part) => sum + part.bytes, 0)
  if ((await freeBytes(root)) < ROOM_FACTOR * bytes)
    throw new Error(
      `nothing was restored: twice the ${Math.ceil(bytes / 2 ** 20)} MiB that would come back should be free`,
    )
  await inParallel(index.parts, FETCHED_AT_ONCE, async (part) => {
    const file = await fetchChecked(part, { entries, desk })
    await unpack(
      file,
      index.files.filter((one) => one.part === part.sha256),
      root,
    )
    await rm(file, { force: true })
  })
  if (!(await isWhole(root, index.layout))) throw new Error('what came back of the last run is not whole')
  const restored = { images: index.seconds.length, parts: index.parts.length, bytes, seconds: 0, troubles: [] }
  return { restored: { ...restored, stepSeconds: new Map(index.seconds) }, index }
}

/** The part is checked: what is in it, by the index, is what the run has left that wrote both. */
async function unpack(part: string, files: readonly BlobFile[], root: string): Promise<void> {
  const handle = await open(part, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (const { path, sha256, bytes, offset, part: name } of files) {
      const target = join(root, path)
      await mkdir(dirname(target), { recursive: true })
      if (name === sha256) await rename(part, target)
      else {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset)
        if (bytesRead < bytes) throw new Error('a part of the cache is shorter than the index says')
        await writeFile(target, buffer, { flag: 'wx' })
      }
    }
  } finally {
    await handle.close()
  }
}

function orderOf(
  { steps }: Run,
  { refs, unique, limits, deadlineMs }: RemoteOptions,
  scope: string,
  { layout }: Blobs,
  root: string,
  index: BlobIndex | undefined,
  { stepSeconds }: Restored,
): BlobOrder {
  const seconds = steps.map((step) => [step.key, step.hit ? (stepSeconds.get(step.key) ?? 0) : step.seconds] as const)
  const before = index === undefined ? undefined : formatBlobIndex(index)
  const { now, maxBytes } = limits
  return { kind: 'blobs', scope, ref: refs[0] ?? '', unique, root, layout, before, seconds, now, maxBytes, deadlineMs }
}

async function keepSome(order: BlobOrder, failed: boolean, options: RemoteOptions): Promise<Saved> {
  // A builder gives out nothing of a build that failed.
  const isNothing = failed || !holdsSteps(order.root, order.layout)
  if (!options.write || isNothing || options.entries.isStopped()) return NOTHING_SAVED
  try {
    const { fresh, isDue } = await planBlobs(order)
    if (!isDue) return NOTHING_SAVED
    if (fresh.reduce((sum, { bytes }) => sum + bytes, 0) <= QUICK_BYTES)
      return await keepBlobs(order, options.entries, options.desk)
    const path = join(options.desk, 'later.json')
    await rm(path, { recursive: true, force: true })
    await writeFile(path, JSON.stringify(order), { mode: 0o600, flag: 'wx' })
    return { ...NOTHING_SAVED, later: path }
  } catch (error) {
    return { ...NOTHING_SAVED, troubles: [troubleOf(error)] }
  }
}

async function planBlobs(order: BlobOrder): Promise<{ files: BlobFile[]; fresh: BlobFile[]; isDue: boolean }> {
  await dropUnused(order.root, order.layout)
  const before = order.before === undefined ? undefined : parseBlobIndex(order.before)
  const files = placed(await readBlobs(order.root), before)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  if (bytes > order.maxBytes)
    throw new Error(
      `nothing was kept: the steps have ${Math.ceil(bytes / 2 ** 20)} MiB, more than "cache-max-size" allows`,
    )
  const names = (all: readonly BlobFile[]) => all.map(({ path, sha256 }) => `${path} ${sha256}`).join('\n')
  const isSame = before !== undefined && names(before.files) === names(files)
  const isAging = before !== undefined && order.now - before.used > (7 * 24 * 3600 * 1000) / AGING
  return { files, fresh: files.filter(({ part }) => part === ''), isDue: files.length > 0 && (!isSame || isAging) }
}

/**
 * Sends what is new of a folder, and the index that says where everything is.
 * @throws Error when not all of it made it: a part of a folder is of no use
 */
export async function keepBlobs(order: BlobOrder, entries: Entries, desk: string): Promise<Saved> {
  const started = Date.now()
  const end = started + order.deadlineMs
  const { files } = await planBlobs(order)
  const { alone, together } = divide(files)
  const bundle = await makeBundle(together, order.root, desk)
  const bundled = new Map(bundle.files.map((file) => [file.path, file]))
  const final = files.map((file) =>
    alone.includes(file) ? { ...file, part: file.sha256 } : (bundled.get(file.path) ?? file),
  )
  const parts = new Map(final.map(({ part, bytes }) => [part, { sha256: part, bytes }]))
  if (bundle.part !== undefined) parts.set(bundle.part.sha256, bundle.part)
  const isNew = bundle.part !== undefined && !(order.before ?? '').includes(bundle.part.sha256)
  const fresh = [
    ...alone.map(({ sha256, bytes }) => ({ sha256, bytes })),
    ...(isNew && bundle.part !== undefined ? [bundle.part] : []),
  ]
  const paths = new Map(alone.map(({ sha256, path }) => [sha256, path]))
  await inParallel(fresh, SENT_AT_ONCE, async (part) => {
    const path = paths.get(part.sha256)
    if (path !== undefined)
      await copyFile(join(order.root, path), join(desk, partPath(part.sha256)), constants.COPYFILE_FICLONE)
    if (!(await send(part, order, { entries, desk }, end))) throw new Error('not everything of the steps could be kept')
  })
  const index = {
    layout: order.layout,
    files: final,
    parts: [...parts.values()],
    seconds: order.seconds,
    used: order.now,
  }
  if (!(await sendIndex(formatBlobIndex(index), order, { entries, desk })))
    throw new Error('the index was not taken, so that the next run finds an older one')
  const bytes = fresh.reduce((sum, part) => sum + part.bytes, 0)
  return { parts: fresh.length, bytes, seconds: (Date.now() - started) / 1000, troubles: [], later: undefined }
}

/** Writes small files one behind the other, each found again by its place. */
async function makeBundle(
  files: readonly BlobFile[],
  root: string,
  desk: string,
): Promise<{ files: readonly BlobFile[]; part: Part | undefined }> {
  if (files.length === 0) return { files, part: undefined }
  const path = join(desk, 'bundle')
  await rm(path, { recursive: true, force: true })
  const offsets: number[] = []
  let offset = 0
  for (const file of files) {
    await writeFile(path, await readFile(join(root, file.path)), { flag: 'a', mode: 0o600 })
    offsets.push(offset)
    offset += file.bytes
  }
  const part = await digestFile(path)
  await rename(path, join(desk, partPath(part.sha256)))
  return { files: files.map((file, index) => ({ ...file, part: part.sha256, offset: offsets[index] ?? 0 })), part }
}
