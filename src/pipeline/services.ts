import { realCaches } from '../cache/open.js'
import { engines } from '../engine/select.js'
import { systemClock } from '../lib/clock.js'
import type { Remember } from '../runner/state.js'
import { endpointsOf } from '../signing/endpoints.js'
import type { Services } from './pipeline-context.js'

/** The engines, caches and registries of this machine. The client of registries is loaded when it is needed. */
export function realServices(remember: Remember): Services {
  return {
    engines,
    caches: realCaches(),
    registries: {
      load: () => void import('../registry/client.js'),
      open: async (options) => (await import('../registry/client.js')).openRegistries(options),
    },
    clock: Date.now,
    signing: { endpointsOf, clock: systemClock },
    remember,
  }
}
