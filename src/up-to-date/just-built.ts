import { surprisingStages } from '../dockerfile/recorded-steps.js'
import type { StageKeys } from '../dockerfile/step-keys.js'
import type { Pushed } from '../engine/engine.js'
import type { Step } from '../engine/progress.js'
import type { CacheFacts } from '../report/cache-stats.js'
import type { LeftBlobs } from './docker-layers.js'
import type { RememberedBuild } from './build-record.js'

/** What this run has built. */
export interface JustBuilt {
  readonly imageId: string
  readonly pushed: readonly Pushed[]
  readonly steps: readonly Step[]
  /** Keys of the steps as they are in the Dockerfile; empty for an engine that has none. */
  readonly keys: readonly StageKeys[]
  /** Steps of the Dockerfile that were begun. */
  readonly counted: CacheFacts['steps']
  /** Why it isn't known to be made of what was read, as far as that was found while it was pushed. */
  readonly fault: string | undefined
  /** What its engine has left, where that is to be looked at in the place of a storage. */
  readonly blobs: LeftBlobs | undefined
  /** Digests of the base images, as the engine tells them; undefined if it doesn't. */
  readonly bases?: readonly string[] | undefined
}

/** Whether the steps of the target were printed: only they tell that a base image has added some. */
export function areShown({ steps, keys }: JustBuilt): boolean {
  const last = keys.length - 1
  const isWithoutSteps = keys[last]?.keys.length === 1
  return last < 0 ? steps.length > 0 : steps.some(({ stage, index }) => stage === last && (index > 0 || isWithoutSteps))
}

/**
 * Whether a base image has added instructions (ONBUILD): what they take from the context isn't known from the Dockerfile.
 */
export function hasTriggers({ steps, keys }: JustBuilt): boolean {
  if (keys.length > 0) return surprisingStages(steps, keys).size > 0
  // BuildKit says so, or, when it was younger, counts further than it has.
  return steps.some(({ text, index, of = Infinity }) => text.startsWith('ONBUILD ') || index > of)
}

/** What is remembered of how much was built. Pure. */
export function sizeOf({ imageId, steps, counted }: JustBuilt): Pick<RememberedBuild, 'imageId' | 'steps' | 'seconds'> {
  const missed = steps.filter(({ hit }) => !hit)
  return {
    imageId,
    steps: counted.length,
    seconds: sum(counted.map(({ savedSeconds }) => savedSeconds)) + sum(missed.map(({ seconds }) => seconds)),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((before, number) => before + number, 0)
}
