import { test } from '@jest/globals'

import { testsAreRoot } from './account.js'
import type { Test } from './test-set.js'

/** `test`, or, where there is a reason why it can't run here, a skipped test whose name says that reason. */
export function testUnless(reason: string | undefined): Test {
  if (reason === undefined) return test
  return (name, body) => {
    test.skip(`${name} (skipped: ${reason})`, body)
  }
}

/** For tests that act as root: why they can't, if they can't. */
export const rootReason = testsAreRoot ? undefined : 'the tests are not run by root'
