import { warning } from '@actions/core'
import { programEnvironment } from './context.js'
import { removeFolder, storageVariable } from './engine/storage.js'
import { describe } from './errors.js'
import { say } from './log.js'
import { endFamily, followFamily, startedWith } from './processes.js'
import { readState } from './state.js'

const GRACE_MS = 2000

try {
  const state = readState()
  if (state === undefined) say('Nothing to remove: the step ended before it made anything.')
  else {
    // After a hard cancel, what main started may still be building there.
    await endFamily(
      followFamily(() => startedWith(storageVariable(state.folder))),
      GRACE_MS,
    )
    await removeFolder(state, programEnvironment(process.env))
    say(
      state.keepStorage ? 'Removed secrets and logins; the storage goes with the machine.' : `Removed ${state.folder}`,
    )
  }
} catch (error) {
  // The image is where it belongs; what could not be removed is no reason to fail the job.
  warning(`Not everything of this step could be removed. ${describe(error)}`)
}
process.exit()
