import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { provideBase, pushLayout } from './base-image.mjs'
import { actionArm } from './cache-action.mjs'
import { buildkitVersions } from './cache-buildkit.mjs'
import { cacheRepositories, registryArm, trafficOf } from './cache-registry.mjs'
import { renderReport } from './cache-report.mjs'
import { line, loadHarness } from './cache-service.mjs'
import { tarArm } from './cache-tar.mjs'
import { buildxArm, buildxRegistryArm } from './cache-buildx.mjs'
import { runWell, wasCancelled } from './child.mjs'
import { freshDisk } from './fresh-disk.mjs'
import { makeJob } from './step.mjs'
import { service } from './workload.mjs'

/**
 * One way to have the layers of the last run.
 * @typedef {object} Arm
 * @property {string} id
 * @property {string} title in Markdown
 * @property {Phase[]} phases those that are measured, in this order
 * @property {() => string | undefined} [whyNot] asked before it is opened: why it can't be measured here
 * @property {(round: Round) => Promise<Session>} open with an empty cache
 *
 * @typedef {'cold' | 'same' | 'changed'} Phase nothing is there; nothing has changed; one source file has
 *
 * @typedef {object} Round all arms once, at a registry that has the base image and nothing else
 * @property {string} folder for what outlives the machines
 * @property {string} machine where a run has everything else; it is there and empty when the run starts
 * @property {string} packages where packages of Debian are unpacked
 * @property {string} host of the registry, by a proxy that has caches at a distance and nothing else
 * @property {import('../../__tests__/harness/delaying-proxy.js').DelayingProxy} proxy
 * @property {(id: string) => string} reference where an arm pushes, in all of its phases
 *
 * @typedef {object} Session an arm in one round
 * @property {(phase: Phase) => Promise<Sample>} run on a machine that has nothing of the phase before but the cache
 * @property {() => Promise<void>} close
 *
 * @typedef {object} Sample
 * @property {number} pushed seconds from the start of the step to the pushed image
 * @property {number} ended seconds until the cache was saved and everything else was done
 * @property {number} up bytes to the cache
 * @property {number} down bytes from it
 * @property {number} calls to the cache service, without its blob store, or to the repository of the cache
 * @property {string} [layers] how many of the image's layers were pushed in the phase before
 */

/** The warm store beside the other ways, from nothing, with nothing changed, and with one source file changed. */
export const cache = {
  name: 'cache',
  async measure({ folder, runs, tell }) {
    const { job, place } = preparePlace(folder, tell)
    const arms = makeArms(job)
    const series = await runRounds({ ...place, runs, tell }, arms, planVisits)
    const report = renderReport(arms, series, arms.find(({ id }) => id === 'tar').changedBytes())
    const text = `${report}\n\nDocker Buildx: ${buildkitVersions.join(', ')}.`
    return { text, engine: arms[0].lastBuild().engine }
  },
}

function makeArms(job) {
  const off = actionArm(job, { id: 'off', title: 'this action, `cache: off`', cache: 'off', phases: ['cold'] })
  const phases = ['cold', 'same', 'changed']
  const own = actionArm(job, { id: 'own', title: 'this action', cache: 'auto', phases })
  const traffic = (round) => trafficOf(round, 'bench/own-registry-cache')
  const inRegistry = { id: 'own-registry', title: 'this action, `cache: registry`', cache: 'registry', traffic }
  const skipping = {
    ...{ id: 'own-skip', title: 'this action, `cache: registry`, `unchanged: skip`', cache: 'registry' },
    ...{ unchanged: 'skip', traffic: (round) => trafficOf(round, 'bench/own-skip-cache') },
  }
  const inRegistries = [
    actionArm(job, { ...inRegistry, phases }),
    actionArm(job, { ...skipping, phases: ['cold', 'same'] }),
  ]
  const buildx = [buildxArm, buildxRegistryArm].map((arm) => arm(join(job, 'workspace')))
  return [off, own, ...inRegistries, tarArm(off.lastBuild), registryArm(off.lastBuild), ...buildx]
}

/**
 * Provides what all rounds share.
 * @param {string} folder of the measurement
 * @returns `job`: the folder of a job on the machine; `place` for `runRounds`
 */
export function preparePlace(folder, tell) {
  // Unpacked first: where package lists are missing, this fetches them.
  unpackPackages(['docker-registry'], join(folder, 'packages'))
  const layout = provideBase(folder, tell)
  const machine = freshDisk(join(folder, 'machine'))
  return { job: join(machine.folder, 'job'), place: { folder, layout, machine } }
}

/** Every other round backwards, each arm in one go: what it finds is what it has left. */
export function armByArm(arms, turn) {
  const turned = turn % 2 === 0 ? arms : arms.toReversed()
  return turned.flatMap((arm) => arm.phases.map((phase) => ({ arm, phase })))
}

/**
 * Which arm runs when: every other round backwards, since a machine that slows down would favour whoever always goes
 * first. The two cold runs of the action are neighbours, whatever comes first: their ratio is the one close to 1.
 */
export function planVisits([off, own, ...others], turn) {
  const colds = [off, own].map((arm) => ({ arm, phase: 'cold' }))
  const turned = (list) => (turn % 2 === 0 ? list : list.toReversed())
  const warm = own.phases.filter((phase) => phase !== 'cold').map((phase) => ({ arm: own, phase }))
  const rest = turned(others).flatMap((arm) => arm.phases.map((phase) => ({ arm, phase })))
  return turned([[...turned(colds), ...warm], rest]).flat()
}

/** All arms in so many rounds, and one before them that doesn't count. @param plan which arm runs when, in a round */
export async function runRounds({ folder, layout, machine, runs, tell, workload = service }, arms, plan) {
  const series = { samples: new Map(), notRun: new Map() }
  for (let turn = 0; turn <= runs; turn += 1) {
    const label = turn === 0 ? 'warm-up' : `run ${turn} of ${runs}`
    const own = join(folder, `round-${turn}`)
    const visits = plan(arms, turn)
    const place = { turn, own, layout, machine, workload, packages: join(folder, 'packages') }
    await runRound(place, visits, (visit, sample) => {
      const seconds = `pushed ${sample.pushed.toFixed(1)} s, ended ${sample.ended.toFixed(1)} s`
      tell(`${label}: ${visit}, ${seconds}; cache: ${sample.calls} calls, ${sample.up} bytes up, ${sample.down} down`)
      // The warm-up gives the rows their order, and no figure.
      series.samples.set(visit, turn === 0 ? [] : [...series.samples.get(visit), sample])
    })
  }
  for (const arm of arms) if (arm.whyNot?.() !== undefined) series.notRun.set(arm.title, arm.whyNot())
  return series
}

async function runRound({ turn, own, layout, machine, workload, packages }, visits, note) {
  fs.mkdirSync(own)
  fs.chmodSync(own, 0o755)
  const registry = await startRegistry(join(packages, 'usr/bin/docker-registry'), join(own, 'registry'))
  const { startDelayingProxy } = await loadHarness('delaying-proxy')
  const proxy = await startDelayingProxy(registry.host, { ...line, far: cacheRepositories })
  const { host } = proxy
  const round = {
    folder: own,
    machine: machine.folder,
    packages,
    host,
    proxy,
    reference: (id) => `${host}/bench/${id}:1`,
  }
  const sessions = new Map()
  try {
    await pushLayout(layout, host, 'base/debian', 'stable')
    const base = `${host}/base/debian:stable`
    for (const { arm, phase } of visits) {
      if (wasCancelled()) throw new DemoError('It was cancelled.')
      if (arm.whyNot?.() !== undefined) continue
      if (!sessions.has(arm)) sessions.set(arm, { ...(await arm.open(round)), layers: [] })
      const workspace = renewMachine(machine, workload, base)
      const reference = round.reference(arm.id)
      note(`${arm.id} ${phase}`, await visit(sessions.get(arm), phase, { workspace, turn, workload, reference }))
    }
  } finally {
    for (const session of sessions.values()) await session.close()
    await proxy.stop()
    registry.stop()
    machine.release()
    fs.rmSync(own, { recursive: true, force: true })
  }
}

/** A machine as a job gets it: with a checkout and nothing else. @returns the checkout */
function renewMachine(machine, workload, base) {
  machine.renew()
  const job = join(machine.folder, 'job')
  makeJob(job, { Dockerfile: workload.dockerfile(base) })
  workload.write(join(job, 'workspace'))
  return join(job, 'workspace')
}

async function visit(session, phase, { workspace, turn, workload, reference }) {
  const { changes, changedLayer } = workload
  if (phase === 'changed') fs.appendFileSync(join(workspace, changes), `changed in round ${turn}\n`)
  // What is left to be written must not slow down this run.
  await runWell(['sync'], { cwd: '/', env: process.env })
  const sample = await session.run(phase)
  const layers = await pushedLayers(reference)
  if (phase === 'changed' && session.layers.at(changedLayer) === layers.at(changedLayer))
    throw new DemoError(`A source file was changed, and the image in ${reference} has it as it was`)
  const known = layers.filter((digest) => session.layers.includes(digest)).length
  session.layers = layers
  return { ...sample, layers: `${known} of ${layers.length}` }
}

async function pushedLayers(reference) {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference)
  const types = ['oci.image.manifest.v1', 'docker.distribution.manifest.v2']
  const accept = types.map((type) => `application/vnd.${type}+json`).join(', ')
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  if (!answer.ok) throw new DemoError(`The registry answers ${answer.status} for ${reference}`)
  return (await answer.json()).layers.map(({ digest }) => digest)
}
