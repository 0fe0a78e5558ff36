import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { succeed } from '../harness/clean-step.js'
import { matrixEngines, testedEngines } from '../harness/engines.js'
import { contentOf } from '../harness/image-content.js'
import { testUnless } from '../harness/skipping.js'
import { statsOf, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(180_000)

const place = await useWarmPlace()
const engines = new Map([...testedEngines(), ...matrixEngines()].map((engine) => [engine.name, engine]))

describe.each([...engines.values()])(
  'layers without contents, with $name',
  ({ missing, version, wish, start, stop }) => {
    beforeAll(start)
    afterAll(stop)

    testUnless(missing)('lie below what stages have made that were built at once', async () => {
      const lines = [
        'COPY a /a',
        'RUN cat /a /a >/made',
        `FROM ${place.base} AS b`,
        'COPY b /b',
        'RUN cat /b /b >/made',
        `FROM ${place.base}`,
        'COPY bulk /bulk',
        'RUN cat /bulk >/copy',
        'COPY --from=0 /made /a',
        'COPY --from=b /made /b',
      ]
      const bulk = randomBytes(6_000_000)
      const isConfined = !lt(version, '1.39.0')
      const name = `engines-${version}`
      const job = (text: string) => {
        const files = { bulk, a: `a ${text}\n`, b: `b ${text}\n` }
        const inputs = { isolation: 'chroot', ...(isConfined && { jobs: '3' }) }
        return place.job(name, lines, { files, inputs }, wish())
      }
      await succeed(job('old'))
      const changed = await succeed(job('new'))
      expect(changed.log.includes('Jobs: up to 3 stages are built at once')).toBe(isConfined)
      expect(changed.log.includes('Cache: 2 layers restored without file contents')).toBe(!lt(version, '1.28.0'))
      expect(statsOf(changed)).toMatchObject({ 'steps-hit': 2, 'steps-missed': 6 })
      expect(warnings(changed)).toStrictEqual([])
      const image = await place.pull(name)
      expect(contentOf(image, 'copy')).toStrictEqual(bulk)
      expect(contentOf(image, 'a').toString()).toBe('a new\na new\n')
      expect(contentOf(image, 'b').toString()).toBe('b new\nb new\n')
    })
  },
)
