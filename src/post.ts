import { warning } from '@actions/core'
import { programEnvironment } from './context.js'
import { removeFolder } from './engine/storage.js'
import { describe } from './errors.js'
import { say } from './log.js'
import { readState } from './state.js'

try {
  const state = readState()
  if (state === undefined) say('Nothing to remove: the step ended before it made anything.')
  else {
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
