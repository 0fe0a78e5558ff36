import { afterAll, beforeAll, jest } from '@jest/globals'

import { removeFolders } from '../harness/folders.js'
import { argumentCases, heredocCases, unchanging } from '../harness/staleness-cases.js'
import { type Lab, openLab } from '../harness/staleness-lab.js'
import { describeCases } from '../harness/staleness-suite.js'

jest.setTimeout(600_000)

let lab: Lab

beforeAll(async () => {
  lab = await openLab()
})

afterAll(async () => {
  await lab.stop()
  await removeFolders()
})

describeCases('texts', [...unchanging, ...argumentCases, ...heredocCases], () => lab)
