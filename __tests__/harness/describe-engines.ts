import { afterAll, beforeAll, describe } from '@jest/globals'

import { type TestedEngine, testedEngines } from './engines.js'
import { testUnless } from './skipping.js'
import { exhaustively } from './test-set.js'

type Test = ReturnType<typeof testUnless>

/** A Buildah, and what tests of it are written with. */
export interface DescribedEngine extends TestedEngine {
  /** A test that every Buildah of the set runs. */
  readonly testEach: Test
  /** A test that needs no more than one Buildah: in the ordinary set, the system's. */
  readonly testOne: Test
  /** Makes such a test of another one, which may be skipped. */
  readonly onlyOne: (test: Test) => Test
}

/**
 * Describes what each Buildah of the set does; it is there from the first test to the last.
 * @param title `$name` in it is the name of the Buildah
 */
export function describeEngines(title: string, body: (engine: DescribedEngine) => void): void {
  for (const [index, engine] of testedEngines().entries()) {
    describe(title.replace('$name', engine.name), () => {
      beforeAll(engine.start)
      afterAll(engine.stop)
      const testEach = testUnless(engine.missing)
      const onlyOne = (test: Test): Test => (index === 0 ? test : exhaustively(test))
      body({ ...engine, testEach, testOne: onlyOne(testEach), onlyOne })
    })
  }
}
