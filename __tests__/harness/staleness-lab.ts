import { afterAll } from '@jest/globals'

import { accountFor } from './account.js'
import { type CacheService, startCacheService } from './cache-service.js'
import { succeed } from './clean-step.js'
import type { TestedEngine } from './engines.js'
import { makeFolder } from './folders.js'
import { pullImage } from './images.js'
import type { StepOptions } from './runner.js'
import { buildArguments, type StageCase, type Variant } from './staleness-cases.js'
import { moveTag, type Shown, shownBy, stepsByStage, writeSheet } from './staleness-stages.js'
import { makeTree } from './staleness-tree.js'
import { useRegistry } from './use-registry.js'

export type Backend = 'github' | 'directory'

/** Steps of a case by what became of them. */
export interface Counted {
  readonly hit: number
  readonly ran: number
}

export interface Built {
  readonly shown: Shown
  readonly steps: ReadonlyMap<string, Counted>
}

/** A registry with the images that cases are made of, a cache service, and a folder that stays. */
export interface Lab {
  /** What an input `cache` and its surroundings are for a backend. */
  cache(backend: Backend): Required<Pick<StepOptions, 'inputs' | 'env'>>
  /** Builds all cases in one job and pushes the image as `acme/SCOPE`. */
  build(order: Order): Promise<Built>
  readonly host: string
  readonly base: string
}

export interface Order {
  readonly cases: readonly StageCase[]
  readonly v: Variant
  readonly scope: string
  readonly engine: TestedEngine
  readonly cache: Pick<StepOptions, 'inputs' | 'env' | 'within'>
}

/** A build that takes nothing from anywhere, not even from itself. */
export const withoutCache = { inputs: { cache: 'off', 'no-cache': 'true' } }

/** Opens a lab for all tests of a file; it is gone after them, and so is every folder that they have made. */
export async function useLab(): Promise<Lab> {
  const { registry, base } = await useRegistry()
  const images = {
    base,
    moving: `${registry.host}/base/moving:1`,
    fixed: `${registry.host}/base/fixed`,
  }
  for (const v of ['1001', '1002'] as const) await moveTag(`${images.fixed}:${v}`, v)
  const service = await startCacheService()
  afterAll(() => service.stop())
  const folder = makeFolder('kept', accountFor('user'))
  return {
    host: registry.host,
    base: images.base,
    cache: (backend) => cacheOf(backend, service, folder),
    build: async ({ cases, v, scope, engine, cache }) => {
      await moveTag(images.moving, v)
      const { tree, stages } = writeSheet(cases, v, images)
      const { inputs, ...place } = engine.wish()
      const given = buildArguments(v)
      const image = `${registry.host}/acme/${scope}`
      // Lines of stages that are built at once don't tell which of their steps were found.
      const push = { images: image, push: 'true', 'tls-verify': 'false', isolation: 'chroot', jobs: '1' }
      const { log } = await succeed({
        ...place,
        workspace: await makeTree(tree, accountFor('user')),
        inputs: { ...push, 'build-args': given.inputs, 'build-contexts': 'other=other', ...inputs, ...cache.inputs },
        env: { ...given.env, ...cache.env },
        ...(cache.within && { within: cache.within }),
      })
      return {
        shown: shownBy(await pullImage(`${image}:latest`), cases),
        steps: countSteps(log, stages),
      }
    },
  }
}

function cacheOf(backend: Backend, service: CacheService, folder: string): ReturnType<Lab['cache']> {
  if (backend === 'github') return { inputs: { cache: 'github' }, env: service.environment() }
  return { inputs: { cache: 'directory', 'cache-dir': folder }, env: {} }
}

function countSteps(log: string, stages: ReadonlyMap<string, readonly number[]>): Map<string, Counted> {
  const byStage = stepsByStage(log)
  return new Map(
    [...stages].map(([name, own]) => {
      const counts = own.flatMap((stage) => byStage.get(stage) ?? [])
      const sum = (of: keyof Counted): number => counts.reduce((total, count) => total + count[of], 0)
      return [name, { hit: sum('hit'), ran: sum('ran') }]
    }),
  )
}

/** The cases of which an image shows something else than it should, each with what it shows. */
export function differences(got: Shown, wanted: Shown, other: Shown): Record<string, string> {
  const wrong = [...wanted].filter(([name, shows]) => got.get(name) !== shows)
  return Object.fromEntries(
    wrong.map(([name, shows]) => {
      const is = got.get(name)
      const what = is === other.get(name) ? 'stale: it shows the other variant' : `${is ?? 'nothing'}, not ${shows}`
      return [name, what]
    }),
  )
}
