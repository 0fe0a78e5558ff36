import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

import { busyboxImage } from '../harness/base-image.js'
import { warningsOf } from '../harness/cache-fault-steps.js'
import { succeed } from '../harness/clean-step.js'
import { type DelayingProxy, startDelayingProxy } from '../harness/delaying-proxy.js'
import { type FleetRun, imageOf, madeOf, makeMachines, planFleet, stepOf } from '../harness/fleet.js'
import { removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { isExhaustive, seedOfSet } from '../harness/test-set.js'

jest.setTimeout(3_600_000)

const whole = {
  machines: 20,
  images: 5,
  branches: ['main', 'one', 'two'],
  runs: Number(process.env['FLEET_RUNS'] ?? 200),
}
const size = isExhaustive ? whole : { machines: 3, images: 2, branches: ['main', 'one'], runs: 8 }
const CACHES = /^\/v2\/acme\/app-\d+-cache\//
const seed = seedOfSet(1)

let registry: Registry
let proxy: DelayingProxy

beforeAll(async () => {
  registry = await startRegistry()
  proxy = await startDelayingProxy(registry.host, { latency: 30, bandwidth: 100_000_000, far: CACHES })
  await busyboxImage(registry.host)
})
afterAll(async () => {
  await proxy.stop()
  await registry.stop()
  await removeFolders()
})

test(`a fleet of ${size.machines} machines, ${size.runs} runs, seed ${seed}`, async () => {
  const machines = makeMachines(size.machines)
  const waiting = planFleet(size, seed)
  const fresh = waiting.filter(({ isNew }) => isNew).length
  const hits = { full: 0, partial: 0, none: 0 }
  const told: string[] = []

  const build = async (run: FleetRun): Promise<void> => {
    const step = await succeed(stepOf(run, proxy.host, machines))
    told.push(...warningsOf(step))
    const image = await pullImage(`${imageOf(run, registry.host)}:run-${run.number}`)
    expect({ run: run.number, made: contentOf(image, 'made').toString() }).toStrictEqual({
      run: run.number,
      made: madeOf(run),
    })
    hits[step.outputs['cache-hit'] as keyof typeof hits] += 1
  }
  const work = async (): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) await build(run)
  }
  // Two at a time, so that some of one branch meet.
  await Promise.all([work(), work()])

  const traffic = proxy.takeTraffic(CACHES)
  const kept = await sizeOfCaches()
  const report = process.env['FLEET_REPORT']
  if (report !== undefined)
    writeFileSync(report, `${JSON.stringify({ ...size, seed, fresh, hits, traffic, kept }, null, 2)}\n`)
  expect(told.filter((text) => !/^Cache: everybody can read /.test(text))).toStrictEqual([])
  // A tag for the index of each image and branch, and no more.
  expect(kept.tags).toBeLessThanOrEqual(size.images * size.branches.length)
  // Some have begun before those had ended that they could have had steps of.
  expect(hits.none).toBeLessThanOrEqual(fresh + size.runs / 8)
})

/** What the tags of all caches name: what is left where a registry has collected its garbage. */
async function sizeOfCaches(): Promise<{ tags: number; bytes: number }> {
  const ask = async <T>(path: string): Promise<T> => {
    const accept = 'application/vnd.oci.image.manifest.v1+json'
    const answer = await fetch(`http://${registry.host}/v2/${path}`, { headers: { accept } })
    return (await answer.json()) as T
  }
  const blobs = new Map<string, number>()
  let tags = 0
  for (let image = 0; image < size.images; image += 1) {
    const name = `acme/app-${image}-cache`
    const { tags: names } = await ask<{ tags?: readonly string[] }>(`${name}/tags/list`)
    for (const tag of names ?? []) {
      const { layers } = await ask<{ layers: readonly { digest: string; size: number }[] }>(`${name}/manifests/${tag}`)
      for (const layer of layers) blobs.set(`${name} ${layer.digest}`, layer.size)
      tags += 1
    }
  }
  return { tags, bytes: [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0) }
}
