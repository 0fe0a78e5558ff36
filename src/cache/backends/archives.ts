import { join } from 'node:path'
import { describe } from '../../errors.js'
import { archivedRecords } from '../build-records.js'
import { type Cache, type RestoredStorage, restoredOrEmpty, type Run } from '../cache.js'
import type { ArchiveOptions } from '../options.js'
import type { SkeletonTerms } from '../skeletons.js'
import type { IndexOfParts, PackedGroup, SaveJob, Snapshot } from '../snapshot.js'
import { withSnapshot } from '../snapshots.js'
import { saveOrDefer, sendQuick } from './archives-save.js'
import { type EarlySave, openSending, packAndSend, saveEarly } from './send-ahead.js'
import { fetchText, INDEX } from './texts.js'

/** Texts of the indexes of refs, in their order; undefined if there is none. */
type Texts = readonly PromiseSettledResult<string | undefined>[]

/** A cache of archives that lie with a service. It starts to look for what the last runs left. */
export function openArchives(options: ArchiveOptions): Cache {
  const { entries, further = [], scope, refs, read, stagingDir } = options
  // Indexes of one ref have the same name everywhere.
  const places = [
    { entries, stagingDir },
    ...further.map((one, number) => ({ entries: one, stagingDir: join(stagingDir, `further-${number}`) })),
  ]
  const lookUp = (suffix: string): Promise<Texts> =>
    Promise.allSettled(
      places.flatMap((place) =>
        (read ? refs : []).map((ref) => fetchText(INDEX, ref, { ...place, scope: scope + suffix })),
      ),
    )
  const early = lookUp('')
  return {
    rootFor: (_storage, root) => Promise.resolve(root),
    restore: (storage, keys, root, terms) =>
      restoredOrEmpty(root, async () => {
        // Indexes of other names have the same place in the staging directory.
        const found = await early
        return await withSnapshot(storage, keys, async (snapshot) => {
          const texts = snapshot.suffix === '' ? found : await lookUp(snapshot.suffix)
          const own = { ...options, scope: scope + snapshot.suffix, terms }
          return await restoreFrom(texts, snapshot, { storage, root }, own)
        })
      }),
    records: archivedRecords(options),
    requests: () => entries.counts().requests,
    close() {
      entries.close()
      return Promise.resolve()
    },
  }
}

async function restoreFrom<Index extends IndexOfParts>(
  texts: Texts,
  snapshot: Snapshot<Index>,
  target: Pick<SaveJob, 'storage' | 'root'>,
  options: ArchiveOptions & { readonly terms: Promise<SkeletonTerms | undefined> | undefined },
): Promise<RestoredStorage> {
  const { indexes, failures } = parseIndexes(texts, snapshot, options)
  const terms = options.skeletons ? await options.terms : undefined
  let unpacked = await snapshot.unpack(indexes, target.root, options, terms)
  const reported = options.entries.failures()
  const causes = new Set([...failures, ...unpacked.restored.failures, ...reported])
  let known: readonly Index[] | undefined = unpacked.indexes
  const jobOf = (run: Run, packed: readonly PackedGroup[]): SaveJob => {
    const { backend, scope, refs, unique, mounts, limits, deadlineMs, skeletons: bundles } = options
    const { fetched = [], skeletons } = unpacked
    const hollow = known === undefined ? [] : [...(skeletons?.layers ?? [])]
    return {
      ...{ backend, scope, ref: refs[0] ?? '', unique, ...target, run, packed, mounts, bundles, hollow, fetched },
      ...{ limits, deadlineMs, indexes: (known ?? []).map((index) => snapshot.format(index)), reported },
    }
  }
  const early = startEarly(snapshot, unpacked.indexes, target.root, { ...options, jobOf: (run) => jobOf(run, []) })
  const clear = async () => {
    known = undefined
    // What was packed may be what is wrong.
    await early?.drop()
    await snapshot.empty(target.root)
  }
  const replace = async () => {
    // What was packed of a build that is dropped.
    await early?.drop()
    await snapshot.empty(target.root)
    unpacked = await snapshot.unpack(indexes, target.root, options)
    return unpacked.restored
  }
  return {
    root: target.root,
    restored: { ...unpacked.restored, failures: [...causes] },
    staysInEngine: false,
    changedBaseImages: async () => (known === undefined ? [] : await unpacked.changedBaseImages()),
    clear: unpacked.isEmpty ? undefined : clear,
    skeletons: () => known && unpacked.skeletons && { ...unpacked.skeletons, replace },
    ahead: early?.ahead,
    save: async (run) => {
      const packed = (await early?.close()) ?? []
      // A job that is cancelled ends what talks to the service; what else is wrong with it is found again by post.
      const soFar = run.failed ? reported : options.entries.failures()
      const saved = await saveOrDefer(snapshot, { ...jobOf(run, packed), reported: soFar }, options)
      // Of what was sent while the build went on.
      const fresh = soFar.filter((text) => !reported.includes(text))
      return { ...saved, failures: [...new Set([...fresh, ...saved.failures])] }
    },
  }
}

/** What packs layers before the push is over, and sends them; undefined where all is packed after it. */
function startEarly<Index extends IndexOfParts>(
  snapshot: Snapshot<Index>,
  indexes: readonly Index[],
  root: string,
  { jobOf, ...options }: ArchiveOptions & { readonly jobOf: (run: Run) => SaveJob },
): EarlySave | undefined {
  const { unique, entries, stagingDir, deadlineMs, write } = options
  const pack = snapshot.packAhead?.bind(snapshot)
  if (pack === undefined || !write) return undefined
  const sending = openSending({ unique }, { entries, stagingDir }, deadlineMs)
  const packing = packAndSend((onPacked) => pack(root, indexes, stagingDir, onPacked), sending)
  return saveEarly(packing, (run, ahead) => sendQuick(snapshot, jobOf(run), ahead, options))
}

/** The indexes that are of use here, in the order of the refs, and why others aren't. */
function parseIndexes<Index extends IndexOfParts>(texts: Texts, snapshot: Snapshot<Index>, { limits }: ArchiveOptions) {
  const indexes: Index[] = []
  const failures: string[] = []
  for (const text of texts) {
    try {
      if (text.status === 'rejected') throw text.reason
      if (text.value === undefined) continue
      const index = snapshot.parse(text.value)
      const reason = snapshot.incompatibleReason(index, limits)
      if (reason === undefined) indexes.push(index)
      else if (reason !== '') failures.push(reason)
    } catch (error) {
      failures.push(`skipping an index: ${describe(error)}`)
    }
  }
  return { indexes, failures }
}
