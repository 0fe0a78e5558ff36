import { sep } from 'node:path'

import Sequencer from '@jest/test-sequencer'

/**
 * End-to-end tests first, those that took longest before the others, and unit tests last: each of those is short, so
 * that all workers have something to do until the end.
 */
export default class TestSequencer extends Sequencer {
  sort(tests) {
    const sorted = super.sort([...tests])
    const isUnit = ({ path }) => path.includes(`${sep}__tests__${sep}unit${sep}`)
    return [...sorted.filter((test) => !isUnit(test)), ...sorted.filter(isUnit)]
  }
}
