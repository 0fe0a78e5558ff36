import { expect } from '@jest/globals'

import type { Passed } from './flaky-proxy.js'
import type { StepOptions, StepResult } from './runner.js'
import { type JobOptions, type WarmPlace } from './warm-steps.js'
import { succeed } from './clean-step.js'

/** A run that may take the image of an earlier one. */
export interface SkipRun extends StepResult {
  /** What it asked the registry. */
  readonly asked: readonly Passed[]
  /** Calls to the cache service. */
  readonly requests: number
}

/** A job that builds only what has changed. */
export function skipJob(
  place: WarmPlace,
  name: string,
  lines: readonly string[],
  options: JobOptions = {},
): StepOptions {
  return place.job(name, lines, { ...options, inputs: { unchanged: 'skip', ...options.inputs } })
}

export async function watchSkip(place: WarmPlace, step: StepOptions): Promise<SkipRun> {
  const before = place.proxy.requests.length
  place.service.forget()
  const result = await succeed(step)
  return { ...result, asked: place.proxy.requests.slice(before), requests: place.service.counters().service }
}

/** Holds that nothing was built, and that the image is what it was. */
export function expectSkipped(run: SkipRun, before: StepResult): void {
  const { log, outputs, asked } = run
  if (outputs['built'] !== 'false') throw new Error(`It was built; the log:\n${log}`)
  expect(outputs).toMatchObject({
    'cache-hit': 'full',
    imageid: before.outputs['imageid'],
    digest: before.outputs['digest'],
  })
  expect(log).toMatch(/^Unchanged: reusing the image built at [^;]*UTC; no build input has changed /m)
  expect(log).not.toMatch(/^(\[\d+\/\d+\] )?STEP |^Cache restored: /m)
  expect(asked.filter(({ method, path }) => method !== 'HEAD' && path.includes('/blobs/sha256:'))).toStrictEqual([])
}

/** Holds that it was built, and that the log says why, where something is remembered. */
export function expectBuilt({ log, outputs }: StepResult, why?: RegExp): void {
  if (outputs['built'] !== 'true') throw new Error(`It was not built; the log:\n${log}`)
  expect(log).not.toMatch(/^Unchanged: reusing /m)
  if (why !== undefined) expect(log).toMatch(why)
}
