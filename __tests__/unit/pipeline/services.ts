import { endpointsOf } from '../../../src/signing/endpoints.js'
import type { CachePlan } from '../../../src/cache/plan.js'
import type { Services } from '../../../src/pipeline/pipeline-context.js'
import { fakeClock } from '../fake-clock.js'
import { fakeCaches } from '../cache/fake-cache.js'
import { fakeEngines } from '../engine/fake-engine.js'
import { fakeRegistries } from '../registry/fake-registries.js'

/** What a pipeline works with, all of it in memory. */
export function servicesOf(changes: Partial<Services> = {}): Services {
  let now = 0
  return {
    engines: fakeEngines(),
    caches: fakeCaches(),
    registries: fakeRegistries().client,
    clock: () => (now += 1000),
    signing: { endpointsOf, clock: fakeClock() },
    remember: () => undefined,
    ...changes,
  }
}

/** A cache in a directory that is read and written. */
export function planOf(changes: Partial<CachePlan>): CachePlan {
  return {
    kind: 'directory',
    scope: { id: '0', text: '' },
    read: true,
    write: true,
    isStored: true,

    writesLayers: false,
    repositories: { from: [], to: undefined },
    directory: '/d',
    notes: [],
    hint: undefined,
    ...changes,
  }
}
