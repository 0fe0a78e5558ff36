import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError, isRoot, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { runWell } from './child.mjs'
import { interleave } from './interleave.mjs'
import { summarize } from './statistics.mjs'
import { parseEngine } from './step-log.mjs'
import { makeJob, runStep } from './step.mjs'
import { inSeconds, renderTable } from './table.mjs'
import { writeSources } from './workload.mjs'

const MODES = [
  { compression: 'gzip' },
  { compression: 'zstd' },
  { compression: 'zstd', 'compression-level': '9' },
  { compression: 'zstd:chunked' },
]
const inputs = { push: 'true', 'tls-verify': 'false', cache: 'off', 'force-compression': 'true', format: 'oci' }

/** Push of one new layer by each compression, to a registry on loopback, and pull of it into an empty storage. */
export const compression = {
  name: 'compression',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    try {
      const scenarios = MODES.map((mode, index) => scenario(join(folder, String(index)), mode, registry.host))
      const series = await interleave(scenarios, { runs, tell })
      const rows = scenarios.map(({ name, sizes }) => {
        const times = ['push', 'pull'].map((what) => inSeconds(summarize(series.get(`${name}, ${what}`)).median))
        return [name, ...times, `${(sizes[0] / 1e6).toFixed(1)} MB`]
      })
      return { text: renderTable(['compression', 'push', 'pull', 'bytes'], rows), engine: scenarios[0].engines[0] }
    } finally {
      registry.stop()
    }
  },
}

function scenario(folder, mode, host) {
  fs.mkdirSync(folder)
  const job = join(folder, 'job')
  makeJob(job, { Dockerfile: 'FROM scratch\nCOPY src src\n' })
  writeSources(join(job, 'workspace'))
  const name = `\`${Object.values(mode).join('`, level `')}\``
  const [sizes, engines] = [[], []]
  let turn = 0
  return {
    name,
    sizes,
    engines,
    async run() {
      turn += 1
      const reference = `${host}/bench/compression-${folder.split('/').at(-1)}-${turn}:1`
      const { main } = await runStep(job, { ...inputs, ...mode, tags: reference })
      engines.push(parseEngine(main.lines))
      sizes.push(await layerBytes(host, reference))
      const push = main.lines
        .map(({ text }) => /^Push: ([\d.]+) s$/.exec(text)?.[1])
        .find((found) => found !== undefined)
      if (push === undefined) throw new DemoError('The step has not said how long its push took.')
      return { [`${name}, push`]: Number(push), [`${name}, pull`]: await pull(join(folder, `pull-${turn}`), reference) }
    },
  }
}

/** Seconds of a pull into a storage that has nothing. */
async function pull(folder, reference) {
  fs.mkdirSync(folder)
  const options = { cwd: folder, env: ownEnvironment() }
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run')]
  const { seconds } = await runWell(
    ['buildah', ...storage, 'pull', '--quiet', '--tls-verify=false', reference],
    options,
  )
  // Layers hold files of subordinate IDs.
  const remove = ['rm', '-rf', folder]
  await runWell(isRoot ? remove : ['buildah', 'unshare', ...remove], { ...options, cwd: '/' })
  return seconds
}

/** Bytes of all layers, as the registry holds them. */
async function layerBytes(host, reference) {
  const [repository, tag] = reference.slice(host.length + 1).split(':')
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' }
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers })
  const { layers } = await response.json()
  return layers.reduce((sum, { size }) => sum + size, 0)
}
