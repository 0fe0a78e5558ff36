import { jest } from '@jest/globals'

import { argumentCases, heredocCases, unchanging } from '../harness/staleness-cases.js'
import { useLab } from '../harness/staleness-lab.js'
import { randomCases } from '../harness/staleness-random.js'
import { asBuiltWithoutCache, describeCases } from '../harness/staleness-suite.js'
import { describeExhaustively, seedOfSet } from '../harness/test-set.js'

jest.setTimeout(600_000)

const lab = await useLab()

describeCases('texts', [...unchanging, ...argumentCases, ...heredocCases], lab)

const seed = seedOfSet(20_261)
// Always the same ones would be no more than further declared cases.
describeExhaustively(`TEST_SEED=${seed} repeats`, () => {
  describeCases('random', randomCases(seed, 12), lab, asBuiltWithoutCache)
})
