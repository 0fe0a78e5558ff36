import { readFile, rm } from 'node:fs/promises'
import { saySaved } from './cache/cache.js'
import { openGithub } from './cache/github.js'
import { keepLater, type Later } from './cache/remote.js'
import type { BlobOrder } from './cache/keep-blobs.js'
import { programEnvironment, serviceEnvironment, transferProgram } from './context.js'
import { removeFolder } from './engine/remove-folder.js'
import { storageVariable } from './engine/storage.js'
import { describe } from './errors.js'
import { formatLimit, type Limit, startLimit } from './limit.js'
import { say, warn } from './log.js'
import { endFamily, followFamily, startedWith } from './processes.js'
import { readState, type State } from './state.js'

const GRACE_MS = 2000

try {
  const state = readState()
  if (state === undefined) say('Nothing to remove: the step ended before it made anything.')
  else await finish(state, process.env)
} catch (error) {
  // The image is where it belongs; what could not be removed is no reason to fail the job.
  warn(`Not everything of this step could be removed. ${describe(error)}`)
}
process.exit()

async function finish(state: State, environment: NodeJS.ProcessEnv): Promise<void> {
  // After a hard cancel, what main started may still be building there.
  const started = followFamily(() => startedWith(storageVariable(state.folder)))
  await endFamily(started, GRACE_MS)
  if (state.later !== undefined && state.desk !== undefined) await keep(state.later, state.desk, environment)
  // What a service that is too slow has left running ends here.
  await endFamily(followFamily(), GRACE_MS)
  if (state.desk !== undefined) await rm(state.desk, { recursive: true, force: true })
  await removeFolder(state, programEnvironment(environment))
  say(state.keepStorage ? 'Removed secrets and logins; the storage goes with the machine.' : `Removed ${state.folder}`)
}

/** Does what main has left to do for the cache. Nothing that happens here is a reason to fail the job. */
async function keep(later: string, desk: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const entries = openGithub({ desk, program: transferProgram(), env: serviceEnvironment(environment) })
  let limit: Limit | undefined
  try {
    // The file is in a folder of this user alone: it is what main has written.
    const order = JSON.parse(await readFile(later, 'utf8')) as Later | BlobOrder
    const late = () => new Error(`It took longer than \`cache-deadline: ${formatLimit(order.deadlineMs)}\` allows.`)
    // What of it still runs is ended with all that this step has started.
    limit = startLimit(order.deadlineMs + GRACE_MS, late, () => Promise.resolve())
    saySaved(await limit.within(keepLater(order, entries, desk)))
  } catch (error) {
    warn(`Cache: nothing was kept. ${describe(error)}`)
  } finally {
    limit?.close()
    entries.close()
  }
}
