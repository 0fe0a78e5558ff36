import { input } from './input-spec.js'
import { oneOf, whether } from './value-parsers.js'

/** What is said of an image that was pushed; in the order of action.yml. */
export const ATTEST_INPUTS = {
  attest: input('attest', oneOf('false', 'true', 'registry'), { affects: 'nothing' }),
  artifacts: input('artifacts', whether(false), { affects: 'nothing' }),
}
