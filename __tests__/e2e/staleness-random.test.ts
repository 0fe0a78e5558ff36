import { afterAll, beforeAll, jest } from '@jest/globals'

import { removeFolders } from '../harness/folders.js'
import { type Lab, openLab } from '../harness/staleness-lab.js'
import { randomCases } from '../harness/staleness-random.js'
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

describeCases('random', randomCases(20_261, 12), () => lab)
