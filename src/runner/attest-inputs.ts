import { input } from './input-spec.js'
import { whether } from './value-parsers.js'

/** What is said of an image that was pushed; in the order of action.yml. */
export const ATTEST_INPUTS = {
  artifacts: input('artifacts', whether(false), { affects: 'nothing' }),
}
