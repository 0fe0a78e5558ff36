import { describe, expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { findNode, forEveryone, majors } from '../harness/nodes.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet } from '../harness/test-set.js'
import { stepsOf } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(120_000)

const place = await useWarmPlace()

describe('dist/, by a Node that is not the one of the tests', () => {
  // The runner's own is 24; the tests are run by another one where that is not theirs.
  for (const major of casesOfSet(majors, (major) => major === 24)) {
    const found = findNode(major)
    testUnless('missing' in found ? found.missing : undefined)(
      `Node ${major}: builds, pushes, keeps the layers, and has them back`,
      async () => {
        if ('missing' in found) throw new Error(found.missing)
        // Its log says by which Node it was run.
        const options = { node: forEveryone(found.program), env: { ACT: 'true' } }
        const job = () => place.job(`node-${major}`, ['RUN echo once > /once', 'RUN cat /once > /twice'], options)
        const [cold, warm] = [await succeed(job()), await succeed(job())]
        for (const { log } of [cold, warm]) {
          expect(log).toMatch(new RegExp(`^Running under nektos/act, with Node\\.js v${major}\\.`, 'm'))
        }
        expect(stepsOf(cold).ran).toHaveLength(2)
        expect(stepsOf(warm)).toStrictEqual({ hit: stepsOf(cold).ran, ran: [] })
        expect([cold.outputs['cache-hit'], warm.outputs['cache-hit']]).toStrictEqual(['none', 'full'])
        expect((await place.pull(`node-${major}`)).digest).toBe(warm.outputs['digest'])
      },
    )
  }
})
