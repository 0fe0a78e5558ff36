import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeInLine } from '../../errors.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { renderProgress, withProgress } from '../../lib/progress.js'
import { debug } from '../../log.js'
import { NOTHING_SAVED, type Saved, savedOrFailure } from '../cache.js'
import { failureOf } from '../errors.js'
import type { ArchiveOptions } from '../options.js'
import type { Archive, IndexOfParts, PackedGroup, PackingAhead, SaveJob, SavePlan, Snapshot } from '../snapshot.js'
import { bytesOf, type Part, sendPart, type StagingOptions } from './parts.js'
import { INDEX, storeText } from './texts.js'

/** Up to this size, before compression, what is new is saved at once: it takes about a second. */
const QUICK_BYTES = 8 * 2 ** 20
/** While one part goes up, another is packed. */
const CONCURRENCY = 3
/** The index comes last, and without it nothing before it counts. */
const INDEX_TIMEOUT_MS = 20_000

/** Saves at once what is quickly saved, and writes down the rest. Never rejects. */
export async function saveOrDefer<Index extends IndexOfParts>(
  snapshot: Snapshot<Index>,
  job: SaveJob,
  { entries, stagingDir, write }: ArchiveOptions,
): Promise<Saved> {
  // Who has stopped asking the service doesn't begin again after the job; a job that is cancelled stops everything.
  if (!write || (entries.isStopped() && !job.run.failed)) return NOTHING_SAVED
  return await savedOrFailure(async () => {
    const plan = await planSave(snapshot, job, stagingDir)
    if (!plan.isDue) return NOTHING_SAVED
    if (plan.bytes <= QUICK_BYTES && !job.run.failed)
      return await carryOut(plan, snapshot.format, job, { entries, stagingDir })
    return { ...NOTHING_SAVED, later: await writeDown(job, stagingDir) }
  })
}

/**
 * Packs and sends what is quickly saved, before it is known what the index says of the push. Never rejects.
 * @param ahead is closed, unless what is left isn't quick
 * @returns what is packed by then; undefined where it isn't quick
 */
export async function sendQuick<Index extends IndexOfParts>(
  snapshot: Snapshot<Index>,
  job: SaveJob,
  ahead: PackingAhead,
  { entries, stagingDir }: StagingOptions,
): Promise<readonly PackedGroup[] | undefined> {
  if (entries.isStopped()) return undefined
  const isQuick = ({ isDue, bytes }: SavePlan<Index>) => isDue && bytes <= QUICK_BYTES
  try {
    if (!isQuick(await planSave(snapshot, job, stagingDir))) return undefined
    const packed = await ahead.close()
    const plan = await planSave(snapshot, { ...job, packed }, stagingDir)
    // What can't be sent is tried again when the index is, and then it is said why it can't.
    const until = { end: Date.now() + job.deadlineMs, failures: new Set<string>() }
    const { made } = await sendArchives(plan, job, { entries, stagingDir }, until)
    const sent = plan.archives.flatMap(({ ids }, number) => {
      const part = made[number]
      return part === undefined || ids === undefined ? [] : [{ ids, part, isSent: true }]
    })
    return [...sent, ...packed]
  } catch (error) {
    debug(`Cache: nothing saved beside the push. ${describeInLine(error)}`)
    return await ahead.close()
  }
}

/** Looks at the root and works out what of it is new. */
export async function planSave<Index extends IndexOfParts>(
  snapshot: Snapshot<Index>,
  job: SaveJob,
  stagingDir: string,
): Promise<SavePlan<Index>> {
  return await snapshot.plan(job, job.indexes.map(snapshot.parse), stagingDir)
}

/** Writes down what is left to do when the job has ended. @returns the path of the file */
async function writeDown(job: SaveJob, stagingDir: string): Promise<string> {
  const path = join(stagingDir, 'later.json')
  // What came from the service may lie there, and be a link.
  await rm(path, { recursive: true, force: true })
  await writeFile(path, JSON.stringify(job), { mode: 0o600, flag: 'wx' })
  return path
}

/**
 * Packs what is new, sends it, and writes the index that says where everything is. Never rejects for an archive: what
 * didn't make it, or not within the time, is left out with all that stands on it.
 */
export async function carryOut<Index extends IndexOfParts>(
  plan: SavePlan<Index>,
  format: (index: Index) => string,
  job: SaveJob,
  place: StagingOptions,
): Promise<Saved> {
  const started = Date.now()
  const end = started + job.deadlineMs
  // So that the index behind them has its time too.
  const endOfParts = end - Math.min(INDEX_TIMEOUT_MS, job.deadlineMs / 4)
  const failures = new Set<string>()
  const { made, sent, isComplete } = await sendArchives(plan, job, place, { end: endOfParts, failures })
  let lost = isComplete ? undefined : `not everything was saved within ${Math.round(job.deadlineMs / 1000)} s`
  const index = await plan.index(made)
  if (index !== undefined) {
    const timeoutMs = Math.min(INDEX_TIMEOUT_MS, Math.max(0, end - Date.now()))
    const store = () => storeText(INDEX, format(index), job, { ...place, timeoutMs, holds: index.parts })
    if ((await orFailure(failures, store)) !== true) lost ??= 'the index was not saved; the next run finds an older one'
  }
  // Where the service itself says why, this says nothing new; and a service that fails is reported once.
  const ofService = place.entries.failures()
  if (lost !== undefined && failures.size + ofService.length === 0) failures.add(plan.incomplete ?? lost)
  const fresh = job.reported.length > 0 ? [] : ofService
  return {
    ...{ parts: sent.length, bytes: bytesOf(sent), seconds: (Date.now() - started) / 1000 },
    ...{ failures: [...failures, ...fresh], later: undefined },
  }
}

interface Sent {
  /** In the order of the archives; undefined for what wasn't taken. */
  readonly made: readonly (Part | undefined)[]
  readonly sent: readonly Part[]
  /** Whether nothing was refused, and all was packed in time. */
  readonly isComplete: boolean
}

async function sendArchives(
  { archives, known, sent: sentAhead, prepare }: Pick<SavePlan<unknown>, 'archives' | 'known' | 'sent' | 'prepare'>,
  job: SaveJob,
  place: StagingOptions,
  { end, failures }: { readonly end: number; readonly failures: Set<string> },
): Promise<Sent> {
  const made: (Part | undefined)[] = archives.map(() => undefined)
  const sent: Part[] = []
  const done: Archive[] = []
  let isComplete = true
  await orFailure(failures, async () => prepare?.())
  const savedSoFar = (seconds: number) => {
    const [some = 0, all = 0] = [done, archives].map(bytesOf)
    return renderProgress({ what: 'Cache: saving (before compression)', done: some, total: all, seconds })
  }
  await withProgress(savedSoFar, () =>
    mapConcurrent(archives, CONCURRENCY, async (archive, number) => {
      const isLate = Date.now() >= end
      const part = isLate ? undefined : await orFailure(failures, () => archive.pack())
      if (part === undefined) isComplete &&= !isLate
      else if (known.has(part.sha256)) made[number] = part
      else if (sentAhead.has(part.sha256) || (await sendPart(part, job, place, end))) {
        made[number] = part
        sent.push(part)
        done.push(archive)
      } else isComplete = false
    }),
  )
  return { made, sent, isComplete }
}

async function orFailure<T>(failures: Set<string>, work: () => Promise<T>): Promise<T | undefined> {
  return await work().catch((error: unknown) => {
    failures.add(failureOf(error))
    return undefined
  })
}
