import { afterAll, beforeAll, describe, expect } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { type TestedEngine, testedEngines } from './engines.js'
import { testUnless } from './skipping.js'
import type { StageCase, Variant } from './staleness-cases.js'
import { type Built, differences, type Lab, withoutCache } from './staleness-lab.js'
import { casesFor } from './staleness-stages.js'

/**
 * Tests, for each Buildah and each backend, that cases are built, changed, and changed back, and that each build gives
 * what it gives without a cache.
 * @param group names them, and the images that they give
 */
export function describeCases(group: string, all: readonly StageCase[], lab: Lab): void {
  describe.each(testedEngines())(`${group}, with $name`, (engine) => {
    const { missing, version, start, stop } = engine
    const cases = missing === undefined ? casesFor(all, version) : []
    const wanted = new Map<Variant, Built>()

    beforeAll(async () => {
      await start()
      if (missing !== undefined) return
      for (const v of ['1001', '1002'] as const)
        wanted.set(v, await lab.build({ cases, v, scope: `off-${group}-${version}`, engine, cache: withoutCache }))
    })
    afterAll(stop)

    const reference = (v: Variant): Built => {
      const built = wanted.get(v)
      if (built === undefined) throw new Error('The build without a cache is missing')
      return built
    }

    testUnless(missing)('what is changed can be seen', () => {
      const [first, second] = [reference('1001'), reference('1002')]
      const alike = cases.filter(({ name }) => first.shown.get(name) === second.shown.get(name))
      const certain = alike.filter(({ isConstant }) => isConstant !== 'maybe')
      expect(namesOf(certain)).toStrictEqual(namesOf(cases.filter(({ isConstant }) => isConstant === true)))
      expect(alike.length).toBeLessThanOrEqual(cases.length / 2)
    })

    for (const backend of ['github', 'directory'] as const) {
      describe(backend, () => {
        const builds: Built[] = []
        const order = (v: Variant): Parameters<Lab['build']>[0] => {
          return { cases, v, scope: `${backend}-${group}-${version}`, engine, cache: lab.cache(backend) }
        }
        const change = async (v: Variant, other: Variant): Promise<Record<string, string>> => {
          const built = await lab.build(order(v))
          builds.push(built)
          return differences(built, reference(v), reference(other))
        }

        testUnless(missing)('built', async () => {
          expect(await change('1001', '1002')).toStrictEqual({})
        })
        testUnless(missing)('changed', async () => {
          expect(await change('1002', '1001')).toStrictEqual({})
        })
        testUnless(missing)('changed back', async () => {
          expect(await change('1001', '1002')).toStrictEqual({})
        })
        testUnless(missing)('built again: what is known of comes back whole, and nothing else does', async () => {
          expect(await change('1001', '1002')).toStrictEqual({})
          const lost = [...(builds[3]?.steps ?? [])].filter(([, { ran }]) => ran > 0).map(([name]) => name)
          expect(lost).toStrictEqual(namesOf(cases.filter((one) => !comesBack(one, engine))))
          for (const { name } of cases.filter(({ isConstant }) => isConstant === true))
            expect([name, builds[1]?.steps.get(name)?.ran]).toStrictEqual([name, 0])
        })
      })
    }
  })
}

function comesBack({ comesBackSince }: StageCase, { version }: TestedEngine): boolean {
  return comesBackSince === undefined || (comesBackSince !== 'never' && !lt(version, comesBackSince))
}

function namesOf(cases: readonly StageCase[]): string[] {
  return cases.map(({ name }) => name)
}
