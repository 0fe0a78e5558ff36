import { UserError } from '../../../src/errors.js'

/** The mistake that a call is refused for; any other error, and none, fails the test. */
export function refused(run: () => unknown): UserError {
  try {
    run()
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
