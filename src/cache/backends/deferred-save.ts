import { readFile } from 'node:fs/promises'
import type { Saved } from '../cache.js'
import type { SaveJob } from '../snapshot.js'
import { withSnapshot } from '../snapshots.js'
import { carryOut, planSave } from './archives-save.js'
import { type GithubOptions, openGithub } from './github.js'
import type { StagingOptions } from './parts.js'

/** How each service is opened again, by the name that a job of it has. */
const SERVICES = { github: openGithub }

/** What main has left to do for the cache. */
export interface DeferredSave {
  readonly deadlineMs: number
  /** Does it. @throws Error when it can't be begun */
  run(): Promise<Saved>
  close(): void
}

/** @param path of what main has written down, in a folder of this user alone */
export async function openDeferredSave(path: string, options: GithubOptions): Promise<DeferredSave> {
  const job = JSON.parse(await readFile(path, 'utf8')) as SaveJob
  const entries = SERVICES[job.backend](options)
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
  return await withSnapshot(job.storage, new Map(), async (snapshot) => {
    const plan = await planSave(snapshot, job, place.stagingDir)
    return await carryOut(plan, snapshot.format, job, place)
  })
}
