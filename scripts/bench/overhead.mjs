import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { DemoError, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { provideBase, pushLayout } from './base-image.mjs'
import { bareScenario, bareTimes } from './bare.mjs'
import { interleave } from './interleave.mjs'
import { buildCommand, parseEngine } from './step-log.mjs'
import { forgetMachine, makeJob, runStep } from './step.mjs'
import { inSeconds, renderRatios, renderTimes } from './table.mjs'
import { dockerfile, writeSources } from './workload.mjs'

const actionTimes = { main: 'action: main', all: 'action: main and post' }

/** The step as a whole, from a Dockerfile to a pushed image, beside Buildah called by hand. */
export const overhead = {
  name: 'overhead',
  async measure({ folder, runs, tell }) {
    // Unpacked first: where package lists are missing, this fetches them.
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const layout = provideBase(folder, tell)
    const registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    try {
      await pushLayout(layout, registry.host, 'base/debian', 'stable')
      const action = actionScenario(join(folder, 'job'), registry.host)
      const bare = bareScenario(folder, registry.host, action.lastBuild)
      const series = await interleave([action, bare].map(onQuietDisk), { runs, tell })
      const { engine, reference } = action.lastBuild()
      const sizes = await compareLayers(registry.host, [reference, bare.lastReference()])
      return { text: [renderTimes(series, inSeconds), renderRatios(series, pairs), sizes].join('\n\n'), engine }
    } finally {
      registry.stop()
    }
  },
}

const pairs = [
  ['main ÷ (build, push)', actionTimes.main, bareTimes.built],
  ['main and post ÷ (build, push)', actionTimes.all, bareTimes.built],
  ['main and post ÷ (build, push, remove the storage)', actionTimes.all, bareTimes.removed],
]

function actionScenario(job, host) {
  makeJob(job, { Dockerfile: dockerfile(`${host}/base/debian:stable`) })
  writeSources(join(job, 'workspace'))
  let turn = 0
  let build
  return {
    name: 'action',
    prepare() {
      turn += 1
      // As on a hosted runner, where no step has been before.
      forgetMachine(job)
    },
    async run() {
      // To a repository of its own, so that no layer is there already.
      const reference = `${host}/bench/action-${turn}:1`
      const { main, post } = await runStep(job, { tags: reference, push: 'true', 'tls-verify': 'false', cache: 'off' })
      const engine = parseEngine(main.lines)
      build = { argv: buildCommand(main.lines), account: engine.account, reference, engine }
      return { [actionTimes.main]: main.seconds, [actionTimes.all]: main.seconds + post.seconds }
    },
    lastBuild: () => build,
  }
}

/** What the run before has left to be written must not slow down this one. */
function onQuietDisk(scenario) {
  return {
    ...scenario,
    async prepare() {
      await scenario.prepare()
      spawnSync('sync')
    },
  }
}

/** The megabytes of each layer, base first, as the registry holds them. @throws DemoError where the two differ */
async function compareLayers(host, references) {
  const images = []
  for (const reference of references) images.push(await layerMegabytes(host, reference))
  const [action, bare] = images.map((layers) => layers.map((size) => size.toFixed(1)).join(', '))
  // apt and tar write times into files, so that a few bytes of every image are its own.
  const alike = ([one, other]) => one.length === other.length && one.every((size, i) => Math.abs(size - other[i]) < 0.5)
  if (!alike(images)) throw new DemoError(`The action pushed layers of ${action} MB, bare Buildah of ${bare} MB`)
  return `Layers pushed by either, base first: ${action} MB.`
}

async function layerMegabytes(host, reference) {
  const [repository, tag] = reference.slice(host.length + 1).split(':')
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  if (!answer.ok) throw new DemoError(`The registry answers ${answer.status} for ${reference}`)
  const { layers } = await answer.json()
  return layers.map(({ size }) => size / 1e6)
}
