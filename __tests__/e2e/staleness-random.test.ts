import { jest } from '@jest/globals'

import { useLab } from '../harness/staleness-lab.js'
import { randomCases } from '../harness/staleness-random.js'
import { describeCases } from '../harness/staleness-suite.js'

jest.setTimeout(600_000)

const lab = await useLab()

describeCases('random', randomCases(20_261, 12), lab)
