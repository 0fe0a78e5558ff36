import { join } from 'node:path'
import { describe } from '../../errors.js'
import { archivedRecords } from '../build-records.js'
import { type Cache, type RestoredStorage, restoredOrEmpty } from '../cache.js'
import type { ArchiveOptions } from '../options.js'
import type { SkeletonTerms } from '../skeletons.js'
import type { IndexOfParts, PackingAhead, SaveJob, Snapshot } from '../snapshot.js'
import { withSnapshot } from '../snapshots.js'
import { saveOrDefer } from './archives-save.js'
import { openSending, packAndSend } from './send-ahead.js'
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
  options: ArchiveOptions & { readonly terms: SkeletonTerms | undefined },
): Promise<RestoredStorage> {
  const { indexes, failures } = parseIndexes(texts, snapshot, options)
  let unpacked = await snapshot.unpack(indexes, target.root, options, options.skeletons ? options.terms : undefined)
  const reported = options.entries.failures()
  const causes = new Set([...failures, ...unpacked.restored.failures, ...reported])
  let known: readonly Index[] | undefined = unpacked.indexes
  let ahead = options.write ? startAhead(snapshot, unpacked.indexes, target.root, options) : undefined
  const clear = async () => {
    known = undefined
    // What was packed may be what is wrong.
    await ahead?.close()
    ahead = undefined
    await snapshot.empty(target.root)
  }
  const replace = async () => {
    // What was packed of a build that is dropped.
    await ahead?.close()
    ahead = undefined
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
    ahead,
    save: async (run) => {
      const { backend, scope, refs, unique, mounts, limits, deadlineMs, entries, skeletons: bundles } = options
      const { fetched = [], skeletons } = unpacked
      const hollow = known === undefined ? [] : [...(skeletons?.layers ?? [])]
      const packed = (await ahead?.close()) ?? []
      const author = { scope, ref: refs[0] ?? '', unique }
      // A job that is cancelled ends what talks to the service; what else is wrong with it is found again by post.
      const soFar = run.failed ? reported : entries.failures()
      const found = { indexes: (known ?? []).map((index) => snapshot.format(index)), reported: soFar }
      const saved = await saveOrDefer(
        snapshot,
        { backend, ...author, ...target, run, packed, mounts, bundles, hollow, fetched, limits, deadlineMs, ...found },
        options,
      )
      // Of what was sent while the build went on.
      const fresh = soFar.filter((text) => !reported.includes(text))
      return { ...saved, failures: [...new Set([...fresh, ...saved.failures])] }
    },
  }
}

/** What packs layers while the build goes on, and sends them; undefined where all is packed after it. */
function startAhead<Index extends IndexOfParts>(
  snapshot: Snapshot<Index>,
  indexes: readonly Index[],
  root: string,
  { unique, entries, stagingDir, deadlineMs }: ArchiveOptions,
): PackingAhead | undefined {
  const pack = snapshot.packAhead?.bind(snapshot)
  if (pack === undefined) return undefined
  const sending = openSending({ unique }, { entries, stagingDir }, deadlineMs)
  return packAndSend((onPacked) => pack(root, indexes, stagingDir, onPacked), sending)
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
