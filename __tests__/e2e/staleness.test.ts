import { jest } from '@jest/globals'

import { argumentCases, heredocCases, unchanging } from '../harness/staleness-cases.js'
import { useLab } from '../harness/staleness-lab.js'
import { describeCases } from '../harness/staleness-suite.js'

jest.setTimeout(600_000)

const lab = await useLab()

describeCases('texts', [...unchanging, ...argumentCases, ...heredocCases], lab)
