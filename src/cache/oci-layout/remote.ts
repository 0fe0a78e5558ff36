import { constants } from 'node:fs'
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe } from '../../errors.js'
import type { OciLayout } from '../../build-storage.js'
import { type BlobFile, type BlobIndex, formatBlobIndex, parseBlobIndex, secondsOf } from './index.js'
import { holdsSteps, isWhole } from './files.js'
import { NOTHING_RESTORED, NOTHING_SAVED, type Restored, type Saved, type Warm } from '../cache.js'
import { lackOfRoom } from '../../lib/disk-space.js'
import { bytesOf } from '../containers-storage/index.js'
import { type BlobOrder, saveBlobs, planBlobs } from './save.js'
import { QUICK_BYTES, writeLater } from '../backends/later.js'
import { fetchIndex } from '../backends/lookup.js'
import type { RemoteOptions } from '../options.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { fetchChecked } from '../containers-storage/restore.js'
import { failureOf } from '../errors.js'

const FETCH_CONCURRENCY = 3

/** Fills a folder with the steps that the last run has left with a service. Never throws. */
export async function openRemoteBlobs(options: RemoteOptions, { layout }: OciLayout, root: string): Promise<Warm> {
  const started = Date.now()
  // The two kinds of folder have nothing in common that could be shared.
  const own = { ...options, scope: `${options.scope}-${layout}` }
  const { index, flaws } = options.read ? await findIndex(own, layout) : { index: undefined, flaws: [] }
  const restored = await fill(index, root, options).catch(async (error: unknown) => {
    // An incomplete folder would fail the build.
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { recursive: true, mode: 0o700 })
    return { ...NOTHING_RESTORED, failures: [failureOf(error)] }
  })
  const failures = [...flaws, ...restored.failures, ...options.entries.failures()]
  const { refs, unique, limits, deadlineMs } = options
  let before = index === undefined || restored.parts === 0 ? undefined : formatBlobIndex(index)
  const clear = async () => {
    before = undefined
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { recursive: true, mode: 0o700 })
  }
  return {
    root,
    restored: { ...restored, seconds: (Date.now() - started) / 1000, failures: [...new Set(failures)] },
    changedBaseImages: () => Promise.resolve([]),
    clear: before === undefined ? undefined : clear,
    keep: async ({ steps, failed }) => {
      // A builder gives out nothing of a build that failed.
      if (failed || !options.write || options.entries.isStopped() || !holdsSteps(root, layout)) return NOTHING_SAVED
      const order: BlobOrder = {
        ...{ kind: 'blobs', scope: own.scope, ref: refs[0] ?? '', unique, root, layout, limits, deadlineMs },
        before,
        seconds: secondsOf(steps, restored.stepSeconds),
        said: options.entries.failures(),
      }
      return await keepSome(order, options).catch((error: unknown) => ({
        ...NOTHING_SAVED,
        failures: [failureOf(error)],
      }))
    },
  }
}

async function findIndex(
  options: RemoteOptions,
  layout: OciLayout['layout'],
): Promise<{ index: BlobIndex | undefined; flaws: readonly string[] }> {
  const flaws: string[] = []
  const oldest = options.limits.now - options.limits.ttlMs
  for (const ref of options.refs) {
    try {
      const text = await fetchIndex(ref, options)
      const index = text === undefined ? undefined : parseBlobIndex(text)
      if (index?.layout === layout && index.used >= oldest) return { index, flaws }
    } catch (error) {
      flaws.push(`an index is not used: ${describe(error)}`)
    }
  }
  return { index: undefined, flaws }
}

/** @throws Error when anything of the folder is missing or wrong */
async function fill(
  index: BlobIndex | undefined,
  root: string,
  place: Pick<RemoteOptions, 'entries' | 'stagingDir'>,
): Promise<Restored> {
  if (index === undefined) return NOTHING_RESTORED
  const { files, parts, layout } = index
  const lack = await lackOfRoom(root, bytesOf(files))
  if (lack !== undefined) throw new Error(lack)
  await mapConcurrent(parts, FETCH_CONCURRENCY, async (part) => {
    const path = await fetchChecked(part, place)
    await unpack(
      path,
      part.bytes,
      files.filter((file) => file.part === part.sha256),
      root,
    )
    await rm(path)
  })
  if (!(await isWhole(root, layout))) throw new Error('what came back of the last run is not whole')
  const bytes = bytesOf(parts)
  const stepSeconds = new Map(index.seconds)
  return { images: stepSeconds.size, parts: parts.length, bytes, seconds: 0, stepSeconds, failures: [] }
}

/** The part is checked: what is in it, by the index, is what the run has left that wrote both. */
async function unpack(part: string, size: number, files: readonly BlobFile[], root: string): Promise<void> {
  const handle = await open(part, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (const { path, sha256, bytes, offset, part: name } of files) {
      const target = join(root, path)
      await mkdir(dirname(target), { recursive: true })
      if (name === sha256) await link(part, target)
      else {
        if (offset + bytes > size) throw new Error('a part of the cache is shorter than the index says')
        const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset)
        await writeFile(target, buffer, { flag: 'wx' })
      }
    }
  } finally {
    await handle.close()
  }
}

/** Keeps at once what is quickly kept, and writes down the rest. */
async function keepSome(order: BlobOrder, { entries, stagingDir }: RemoteOptions): Promise<Saved> {
  const plan = await planBlobs(order)
  if (!plan.isDue) return NOTHING_SAVED
  const isQuick = bytesOf(plan.files.filter(({ part }) => part === '')) <= QUICK_BYTES
  return isQuick
    ? await saveBlobs(order, plan, { entries, stagingDir })
    : { ...NOTHING_SAVED, later: await writeLater(stagingDir, order) }
}
