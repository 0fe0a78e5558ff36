import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DeferredSave, openDeferredSave } from './cache/backends/deferred-save.js'
import { reportSaved } from './cache/cache.js'
import type { RepositoryTerms } from './artifact-repository.js'
import { cacheWorkerProgram, completeProxies, programEnvironment, serviceEnvironment } from './runner/context.js'
import { removeFolder } from './engine/remove-folder.js'
import { storageVariable } from './engine/work-dir.js'
import { postAccess } from './pipeline/post-access.js'
import { describe } from './errors.js'
import { formatLimit, type Limit, startLimit } from './lib/time-limit.js'
import { info, warn } from './log.js'
import { endProcessTree, followProcessTree, startedWith } from './lib/process-tree.js'
import { readState, type State } from './runner/state.js'

const KILL_GRACE_MS = 2000

try {
  const state = readState()
  if (state === undefined) info('Nothing to remove: the step ended before it created anything.')
  else await finish(state, process.env)
} catch (error) {
  // The image is where it belongs; what could not be removed is no reason to fail the job.
  warn(`Could not remove everything that this step created. ${describe(error)}`)
}
process.exit()

async function finish(state: State, environment: NodeJS.ProcessEnv): Promise<void> {
  // After a hard cancel, what main started may still be building there.
  const started = followProcessTree(() => startedWith(storageVariable(state.folder)))
  await endProcessTree(started, KILL_GRACE_MS)
  for (const later of state.later) await save(later, environment)
  // What a service that is too slow has left running ends here.
  await endProcessTree(followProcessTree(), KILL_GRACE_MS)
  for (const folder of state.stagingDirs) await rm(folder, { recursive: true, force: true })
  await removeFolder(state, programEnvironment(environment))
  info(
    state.keepStorage
      ? 'Removed secrets and logins; the storage is removed with the machine.'
      : `Removed ${state.folder}`,
  )
}

/** Does what main has left to do for the cache. Nothing that happens here is a reason to fail the job. */
async function save(later: string, environment: NodeJS.ProcessEnv): Promise<void> {
  let deferred: DeferredSave | undefined
  let limit: Limit | undefined
  try {
    completeProxies(environment)
    const options = {
      // It lies in the folder of what it is about.
      stagingDir: dirname(later),
      program: cacheWorkerProgram(),
      env: serviceEnvironment(environment),
      openRepositories: (terms: RepositoryTerms) => postAccess(terms, environment),
    }
    deferred = await openDeferredSave(later, options)
    const { deadlineMs } = deferred
    const late = () => new Error(`It took longer than \`cache-deadline: ${formatLimit(deadlineMs)}\` allows.`)
    // What of it still runs is ended with all that this step has started.
    limit = startLimit(deadlineMs + KILL_GRACE_MS, late, () => Promise.resolve())
    reportSaved(await limit.within(deferred.run()))
  } catch (error) {
    warn(`Cache: nothing was saved. ${describe(error)}`)
  } finally {
    limit?.close()
    deferred?.close()
  }
}
