import { stripVTControlCharacters } from 'node:util'

import { afterAll, expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { accountFor } from '../harness/account.js'
import { startCacheService } from '../harness/cache-service.js'
import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { makeFolder } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import {
  type Change,
  changes as all,
  type Shown,
  shownOf,
  usualInputs,
  usualLines,
} from '../harness/staleness-changes.js'
import { pushTwin } from '../harness/staleness-stages.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(600_000)

const { registry, base } = await useRegistry()
const service = await startCacheService()

afterAll(() => service.stop())

const twins = `${registry.host}/base/twin`
for (const twin of ['light', 'dark'] as const) await pushTwin(`${twins}:${twin}`, twin)

const declared = casesOfSet(all, ({ isOrdinary }) => isOrdinary === true)

function hitOf({ isNeverBack, isPartlyBack }: Change): string {
  return isNeverBack === true ? 'none' : isPartlyBack === true ? 'partial' : 'full'
}

describeEngines('with $name', ({ version, wish, testEach, testOne }) => {
  const changes = declared.filter(({ since }) => since === undefined || version === '' || !lt(version, since))
  const build = async (
    { inputs, env, lines = usualLines, lib, moved }: Change,
    scope: string,
    cache: Pick<StepOptions, 'inputs' | 'env'>,
  ): Promise<{ hit: string | undefined; shown: Shown }> => {
    const requested = wish()
    const image = `${registry.host}/acme/${scope}-${version}`
    const push = { images: image, push: 'true', 'tls-verify': 'false', isolation: 'chroot' }
    if (moved !== undefined) await pushTwin(`${twins}:moving`, moved)
    const contexts = lib === undefined ? {} : { 'build-contexts': `lib=docker-image://${lib(twins)}` }
    const { outputs } = await succeed({
      ...requested,
      workspace: { Dockerfile: `${lines(base).join('\n')}\n`, file: 'x' },
      inputs: { ...push, ...usualInputs, ...contexts, ...requested.inputs, ...inputs, ...cache.inputs },
      env: { ...env, ...cache.env },
    })
    const withTime = inputs?.['extra-args']?.includes('--timestamp') === true
    return { hit: outputs['cache-hit'], shown: shownOf(await pullImage(`${image}:latest`), withTime) }
  }

  const references = new Map<string, Shown>()
  const reference = async (change: Change): Promise<Shown | undefined> => {
    if (change.isSame === true) return references.get('as usual')
    if (!references.has(change.name)) {
      const { shown } = await build(change, 'off', { inputs: { cache: 'off', 'no-cache': 'true' } })
      references.set(change.name, shown)
    }
    return references.get(change.name)
  }

  const backends = {
    github: () => ({ inputs: { cache: 'github' }, env: service.environment() }),
    directory: () => {
      folder ??= makeFolder('kept', accountFor('user'))
      return { inputs: { cache: 'directory', 'cache-dir': folder } }
    },
  }
  let folder: string | undefined

  for (const [backend, testHere] of [
    ['directory', exhaustively(testEach)],
    ['github', testOne],
  ] as const) {
    testHere(`${backend}: each build is what it is without a cache`, async () => {
      const wrong: Record<string, unknown> = {}
      const hits: Record<string, string | undefined> = {}
      for (const change of [...changes, { name: 'as usual', isSame: true }]) {
        const { hit, shown } = await build(change, backend, backends[backend]())
        const expected = await reference(change)
        try {
          expect(shown).toStrictEqual(expected)
        } catch (error) {
          wrong[change.name] = stripVTControlCharacters((error as Error).message)
            .split('\n')
            .filter((line) => /^ *[-+] /.test(line))
        }
        hits[change.name] = hit
      }
      expect(wrong).toStrictEqual({})
      const same = [...changes.filter(({ isSame }) => isSame), { name: 'as usual' }]
      expect(same.map(({ name }) => [name, hits[name]])).toStrictEqual(same.map(({ name }) => [name, 'full']))
    })
  }

  exhaustively(testEach)('each build finds all its steps when it comes again', async () => {
    const hits: [string, string | undefined][] = []
    for (const change of changes) hits.push([change.name, (await build(change, 'github', backends.github())).hit])
    expect(hits).toStrictEqual(changes.map((change) => [change.name, hitOf(change)]))
  })
})
