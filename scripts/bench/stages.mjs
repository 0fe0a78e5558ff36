import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { provideBase, pushLayout } from './base-image.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { runWell } from './child.mjs'
import { interleave } from './interleave.mjs'
import { parseEngine } from './step-log.mjs'
import { makeJob, runStep } from './step.mjs'
import { inSeconds, renderRatios, renderTimes } from './table.mjs'

const names = ['a', 'b', 'c']
const inputs = { push: 'true', 'tls-verify': 'false', cache: 'off', unchanged: 'build' }

/** Three independent stages that need one core each, cold: at once, one after the other, and with BuildKit. */
export const stages = {
  name: 'stages',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    try {
      await pushLayout(provideBase(folder, tell), registry.host, 'base/debian', 'stable')
      const job = join(folder, 'job')
      makeJob(job, { Dockerfile: dockerfile(`${registry.host}/base/debian:stable`) })
      const engines = []
      const without = whyNoBuildkit()
      if (without !== undefined) tell(`BuildKit isn't measured: ${without}`)
      const scenarios = [
        actionScenario(job, 'auto', registry.host, engines),
        actionScenario(job, '1', registry.host, engines),
        ...(without === undefined ? [buildkitScenario(folder, job, registry.host)] : []),
      ]
      const series = await interleave(scenarios, { runs, tell })
      const pairs = [
        ['at once ÷ one after the other', '`jobs: auto`', '`jobs: 1`'],
        ...(without === undefined ? [['at once ÷ BuildKit', '`jobs: auto`', 'BuildKit']] : []),
      ]
      return { text: [renderTimes(series, inSeconds), renderRatios(series, pairs)].join('\n\n'), engine: engines[0] }
    } finally {
      registry.stop()
    }
  },
}

/** Some seconds of one core for each of the stages, and a stage that takes what they give. */
function dockerfile(base) {
  const work = (name) => `FROM ${base} AS ${name}\nRUN head -c 1500M /dev/zero | sha256sum >/${name}\n`
  const copies = names.map((name) => `COPY --from=${name} /${name} /\n`)
  return [...names.map(work), `FROM ${base}\n`, ...copies].join('')
}

function actionScenario(job, jobs, host, engines) {
  let turn = 0
  return {
    name: jobs,
    async run() {
      turn += 1
      const { main } = await runStep(job, { ...inputs, jobs, tags: `${host}/bench/stages-${jobs}-${turn}:1` })
      engines.push(parseEngine(main.lines))
      const isAtOnce = main.lines.some(({ text }) => text.startsWith('Jobs: up to 3 stages'))
      if (isAtOnce !== (jobs === 'auto'))
        throw new DemoError('This Buildah does not build stages at once here; put one from 1.39 on first on PATH.')
      return { [`\`jobs: ${jobs}\``]: main.seconds }
    },
  }
}

/** Docker's builder with a daemon that has nothing yet, and is there before the clock starts. */
function buildkitScenario(folder, job, host) {
  const programs = provideBuildkit(folder)
  const config = join(folder, 'buildx')
  const options = { cwd: folder, env: { ...ownEnvironment(), BUILDX_CONFIG: config } }
  let daemon
  let turn = 0
  return {
    name: 'buildkit',
    async prepare() {
      turn += 1
      daemon = await startBuildkit(programs, join(folder, 'daemon'), host)
      fs.rmSync(config, { recursive: true, force: true })
      await runWell([programs.buildx, 'create', '--name', 'bench', '--driver', 'remote', daemon.address], options)
    },
    async run() {
      const words = ['--builder', 'bench', '--provenance=false', '--progress=plain', '--push']
      const tag = ['--tag', `${host}/bench/stages-buildkit-${turn}:1`]
      const argv = [programs.buildx, 'build', ...words, ...tag, join(job, 'workspace')]
      return { BuildKit: (await runWell(argv, options)).seconds }
    },
    clean: async () => {
      await daemon?.stop()
      daemon = undefined
    },
  }
}
