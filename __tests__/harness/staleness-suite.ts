import { beforeAll, describe, expect } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { describeEngines } from './describe-engines.js'
import { type TestedEngine, testedEngines } from './engines.js'
import type { StageCase, Variant } from './staleness-cases.js'
import { type Backend, type Built, differences, type Lab, withoutCache } from './staleness-lab.js'
import { casesFor, type Shown, wantedBy } from './staleness-stages.js'
import { casesOfSet, isExhaustive } from './test-set.js'

/** What of the cases an image of each variant must show. */
type Wanted = Readonly<Record<Variant, Shown>>

type WantedBy = (cases: readonly StageCase[], engine: TestedEngine, lab: Lab) => Promise<Wanted>

/** What the cases themselves say. */
const asDeclared: WantedBy = (cases) => {
  return Promise.resolve({ '1001': wantedBy(cases, '1001'), '1002': wantedBy(cases, '1002') })
}

/** What builds give that take nothing from anywhere, for cases that can't say it. */
export const asBuiltWithoutCache: WantedBy = async (cases, engine, lab) => {
  const shown = async (v: Variant): Promise<Shown> =>
    (await lab.build({ cases, v, scope: `off-${engine.version}`, engine, cache: withoutCache })).shown
  return { '1001': await shown('1001'), '1002': await shown('1002') }
}

type Turn = readonly [name: string, v: Variant]
/** What the last turn finds is what the turn before it has kept, of what it had found as well in the exhaustive set. */
const turns: readonly Turn[] = isExhaustive
  ? [
      ['built', '1001'],
      ['changed', '1002'],
      ['changed back', '1001'],
      ['built again', '1001'],
    ]
  : [
      ['built', '1001'],
      ['changed', '1002'],
      ['built again', '1002'],
    ]
// Keys are the same for both, which differ in where the steps lie.
const backends = casesOfSet<Backend>(['github', 'directory'], (backend) => backend === 'github')

/**
 * Tests, for each Buildah and each backend, that cases are built, changed, and changed back, and that each build gives
 * what it must.
 * @param group names them, and the images that they give
 */
export function describeCases(
  group: string,
  all: readonly StageCase[],
  lab: Lab,
  wantedOf: WantedBy = asDeclared,
): void {
  describeEngines(`${group}, with $name`, (engine) => {
    const { missing, version, testEach } = engine
    const cases = missing === undefined ? casesOf(engine, all) : []
    if (missing === undefined && cases.every(({ isConstant }) => isConstant === true)) return
    let wanted: Wanted

    beforeAll(async () => {
      if (missing === undefined) wanted = await wantedOf(cases, engine, lab)
    })

    testEach('what is changed can be seen', () => {
      const alike = cases.filter(({ name }) => wanted['1001'].get(name) === wanted['1002'].get(name))
      const certain = alike.filter(({ isConstant }) => isConstant !== 'maybe')
      expect(namesOf(certain)).toStrictEqual(namesOf(cases.filter(({ isConstant }) => isConstant === true)))
      expect(alike.length).toBeLessThan(cases.length)
    })

    describe.each(backends)('%s', (backend) => {
      const builds: Built[] = []
      const scope = `${backend}-${group}-${version}`

      for (const [name, v] of turns) {
        testEach(name, async () => {
          const built = await lab.build({ cases, v, scope, engine, cache: lab.cache(backend) })
          builds.push(built)
          expect(differences(built.shown, wanted[v], wanted[otherOf(v)])).toStrictEqual({})
        })
      }

      testEach('what is known of came back whole, and nothing else did', () => {
        expect(builds).toHaveLength(turns.length)
        const lost = [...(builds.at(-1)?.steps ?? [])].filter(([, { ran }]) => ran > 0).map(([name]) => name)
        expect(lost).toStrictEqual(namesOf(cases.filter((one) => !comesBack(one, version))))
        for (const { name } of cases.filter(({ isConstant }) => isConstant === true))
          expect([name, builds[1]?.steps.get(name)?.ran]).toStrictEqual([name, 0])
      })
    })
  })
}

/** In the ordinary set a sample, of which one Buildah after the first builds what those before it can't. */
function casesOf({ version }: TestedEngine, all: readonly StageCase[]): StageCase[] {
  const known = testedEngines().map((engine) => engine.version)
  const before = known.slice(0, known.indexOf(version)).filter((other) => other !== '')
  const isNew = (one: StageCase): boolean =>
    before.every((other) => casesFor([one], other).length === 0 || comesBack(one, other) !== comesBack(one, version))
  return casesOfSet(casesFor(all, version), (one) => one.isConstant === true || (one.isOrdinary === true && isNew(one)))
}

function otherOf(v: Variant): Variant {
  return v === '1001' ? '1002' : '1001'
}

function comesBack({ comesBackSince }: StageCase, version: string): boolean {
  return comesBackSince === undefined || (comesBackSince !== 'never' && !lt(version, comesBackSince))
}

function namesOf(cases: readonly StageCase[]): string[] {
  return cases.map(({ name }) => name)
}
