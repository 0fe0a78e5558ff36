import { describe, expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { describeEngines } from '../harness/describe-engines.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import {
  argumentCases,
  copyCases,
  heredocCases,
  mountCases,
  type StageCase,
  stageMountCases,
  unchanging,
} from '../harness/staleness-cases.js'
import { differences, type Order, useLab, withoutCache } from '../harness/staleness-lab.js'
import { casesFor } from '../harness/staleness-stages.js'
import { likeHostedRunner } from '../harness/surroundings.js'
import { casesOfSet } from '../harness/test-set.js'

jest.setTimeout(600_000)

const lab = await useLab()

const sheets = casesOfSet<{ group: string; cases: readonly StageCase[] }>(
  [
    { group: 'texts', cases: [...unchanging, ...argumentCases, ...heredocCases] },
    { group: 'mounts', cases: [...unchanging, ...mountCases, ...stageMountCases] },
    { group: 'copies', cases: [...unchanging, ...copyCases] },
  ],
  ({ group }) => group === 'texts',
)

// Which stages are built at once depends on the isolation, the image never does.
describeEngines('stages at once, with $name', (engine) => {
  const { version, missing, onlyOne } = engine
  const isConfined = missing !== undefined || !lt(version, '1.39.0')
  const place = isConfined ? {} : { within: likeHostedRunner }
  const isolation = isConfined ? 'chroot' : 'rootless'
  const test = onlyOne(testUnless(missing ?? (isConfined ? undefined : rootReason)))

  describe.each(sheets)('$group', ({ group, cases: all }) => {
    test('give the image that they give one after the other, cold, warm and changed', async () => {
      // Each is a stage; a few of them tell as much of the ordinary set's one sheet.
      const cases = casesOfSet(casesFor(all, version), (_, index) => index % 4 === 0)
      const build = async (v: '1001' | '1002', jobs: string, cache: Order['cache']) => {
        const inputs = { ...cache.inputs, isolation, jobs }
        const order = { cases, v, scope: `jobs-${group}-${version}`, engine }
        return (await lab.build({ ...order, cache: { ...cache, ...place, inputs } })).shown
      }
      const wanted = { '1001': await build('1001', '1', withoutCache), '1002': await build('1002', '1', withoutCache) }
      for (const v of ['1001', '1002', '1001'] as const) {
        const shown = await build(v, '4', lab.cache('github'))
        expect(differences(shown, wanted[v], wanted[v === '1001' ? '1002' : '1001'])).toStrictEqual({})
      }
    })
  })
})
