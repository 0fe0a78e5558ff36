import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { provideBase, pushLayout } from './base-image.mjs'
import { runCachedStep } from './cache-action.mjs'
import { watchPeaks } from './cache-peak.mjs'
import { startService } from './cache-service.mjs'
import { parseEngine } from './step-log.mjs'
import { forgetMachine, makeJob } from './step.mjs'
import { renderTable } from './table.mjs'

const gibibyte = 2 ** 30
/** The layer is in the storage up to three times while it is committed, in an archive, and at the service. */
const roomPerByte = 6
const atMost = 150

/**
 * The memory of the action's Node processes with one large layer that doesn't compress: when it is saved and when it is
 * restored. Nothing is pushed, since Node has no part in that.
 */
export const cacheMemory = {
  name: 'cache-memory',
  onlyByName: true,
  async measure({ folder, size, tell }) {
    checkRoom(folder, size)
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const layout = provideBase(folder, tell)
    const registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    try {
      await pushLayout(layout, registry.host, 'base/debian', 'stable')
      const job = join(folder, 'job')
      makeJob(job, { Dockerfile: dockerfile(`${registry.host}/base/debian:stable`, size) })
      const inputs = { tags: `${registry.host}/bench/memory:1`, 'tls-verify': 'false' }
      return await measurePeaks(folder, job, { ...inputs, ...generous(size) }, size, tell)
    } finally {
      registry.stop()
    }
  },
}

/** Nothing of the layer may be left out for its size, or for the time that saving it takes. */
function generous(size) {
  return { cache: 'github', 'cache-max-size': `${2 * size + 2}GiB`, 'cache-deadline': '2h' }
}

function dockerfile(base, size) {
  return `FROM ${base}\nRUN head --bytes=${size}G /dev/urandom > /large\n`
}

function checkRoom(folder, size) {
  const { bavail, bsize } = fs.statfsSync(folder)
  const needed = size * roomPerByte * gibibyte
  if (bavail * bsize < needed)
    throw new DemoError(`A layer of ${size} GiB needs ${size * roomPerByte} GiB below ${folder}; --size asks for less`)
}

async function measurePeaks(folder, job, inputs, size, tell) {
  const service = await startService(join(folder, 'service'))
  const runs = []
  try {
    for (const name of ['saved', 'restored']) {
      forgetMachine(job)
      const watch = watchPeaks(join(job, 'action'))
      const step = await runCachedStep(job, inputs, service)
      const run = { name, step, peaks: watch.stop(), traffic: service.takeTraffic() }
      tell(`${name}: main ${step.main.seconds.toFixed(0)} s, post ${step.post.seconds.toFixed(0)} s, ${describe(run)}`)
      checkMoved(run, size * gibibyte)
      runs.push(run)
    }
  } finally {
    await service.stop()
  }
  return { text: render(runs, size), engine: parseEngine(runs[0].step.main.lines) }
}

/** The figures would be of nothing if the layer had been left out. */
function checkMoved({ name, step, traffic }, bytes) {
  const moved = name === 'saved' ? traffic.up : traffic.down
  if (moved >= bytes) return
  const said = [...step.main.lines, ...step.post.lines].map(({ text }) => text).slice(-40)
  throw new DemoError([`Only ${moved} bytes of the layer were ${name}:`, ...said].join('\n'))
}

const inMebibytes = (bytes) => (bytes === undefined ? '' : `${(bytes / 2 ** 20).toFixed(0)} MiB`)

function describe({ peaks }) {
  return [...peaks].map(([script, bytes]) => `${script} ${inMebibytes(bytes)}`).join(', ')
}

function render(runs, size) {
  const scripts = [...new Set(runs.flatMap(({ peaks }) => [...peaks.keys()]))]
  const rows = scripts.map((script) => [
    script,
    ...runs.map(({ peaks }) => inMebibytes(peaks.get(script))),
    `${atMost} MiB`,
  ])
  const head = [`peak of resident memory, a layer of ${size} GiB`, ...runs.map(({ name }) => name), 'less than']
  return renderTable(head, rows)
}
