import { readFile } from 'node:fs/promises'
import type { RepositoryAccess, RepositoryTerms } from '../../artifact-repository.js'
import { withStorageOfEarlier } from '../../build-storage.js'
import type { Saved } from '../cache.js'
import type { Backend } from '../options.js'
import type { SaveJob } from '../snapshot.js'
import { withSnapshot } from '../snapshots.js'
import { carryOut, planSave } from './archives-save.js'
import type { Entries } from './entries.js'
import { type GithubOptions, openGithub } from './github.js'
import type { StagingOptions } from './parts.js'
import { openRegistry } from './registry.js'
import { startWorker } from './worker.js'

/** What main has left to do for the cache. */
export interface DeferredSave {
  readonly deadlineMs: number
  /** Does it. @throws Error when it can't be begun */
  run(): Promise<Saved>
  close(): void
}

/** What services are opened again with. */
export interface ServiceOptions extends GithubOptions {
  readonly openRepositories: (terms: RepositoryTerms) => RepositoryAccess['open']
}

/** @param path of what main has written down, in a folder of this user alone */
export async function openDeferredSave(path: string, options: ServiceOptions): Promise<DeferredSave> {
  const job = JSON.parse(await readFile(path, 'utf8')) as SaveJob
  const entries = openAgain(job.backend, options)
  return {
    deadlineMs: job.deadlineMs,
    run: () => saveDeferred(job, { entries, stagingDir: options.stagingDir }),
    close: () => {
      entries.close()
    },
  }
}

/** @throws Error when it can't be begun */
export async function saveDeferred(job: SaveJob, place: StagingOptions): Promise<Saved> {
  return await withStorageOfEarlier(job.storage, (storage) =>
    withSnapshot(storage, new Map(), async (snapshot) => {
      const plan = await planSave(snapshot, job, place.stagingDir)
      return await carryOut(plan, snapshot.format, job, place)
    }),
  )
}

function openAgain(backend: Backend, options: ServiceOptions): Entries {
  // It is needed in any case, and can start while what is to be sent is packed.
  if (backend.kind === 'github') return openGithub({ ...options, started: startWorker(options) })
  const { terms, ...names } = backend
  const access = { open: options.openRepositories(terms) }
  return openRegistry({ ...names, access, stagingDir: options.stagingDir }).entries
}
