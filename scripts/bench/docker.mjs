import { join } from 'node:path'

import { unpackPackages } from '../demo/machine.mjs'
import { provideBase } from './base-image.mjs'
import { actionArm } from './cache-action.mjs'
import { runRounds } from './cache.mjs'
import { buildkitVersions } from './cache-buildkit.mjs'
import { buildxArm } from './cache-buildx.mjs'
import { renderSeconds, renderTraffic, rowsOf } from './cache-report.mjs'
import { dockerActionArm } from './docker-action.mjs'
import { freshDisk } from './fresh-disk.mjs'
import { renderRatios } from './table.mjs'

/** The step with Docker as its engine, beside Docker Buildx called by hand, and beside the step with Buildah. */
export const docker = {
  name: 'docker',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    // Unpacked first: where package lists are missing, this fetches them.
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const layout = provideBase(folder, tell)
    const machine = freshDisk(join(folder, 'machine'))
    const job = join(machine.folder, 'job')
    const phases = ['cold', 'same', 'changed']
    const arms = [
      dockerActionArm(job, tell),
      buildxArm(join(job, 'workspace'), tell),
      actionArm(job, { id: 'own', title: 'this action, Buildah', cache: 'auto', phases }),
    ]
    const { samples } = await runRounds({ folder, layout, machine, runs, tell }, arms, planVisits)
    const rows = rowsOf(arms, samples)
    const times = new Map(
      [...samples].flatMap(([visit, list]) =>
        ['pushed', 'ended'].map((time) => [`${visit} ${time}`, list.map((sample) => sample[time])]),
      ),
    )
    const pairs = phases.flatMap((phase) =>
      ['pushed', 'ended'].map((time) => [
        `${phase}, ${time}: this action with Docker ÷ Docker Buildx`,
        `docker ${phase} ${time}`,
        `buildx ${phase} ${time}`,
      ]),
    )
    const tables = [renderSeconds(rows), renderRatios(times, pairs), renderTraffic(rows, undefined)]
    return { text: [...tables, `Docker Buildx: ${buildkitVersions.join(', ')}.`].join('\n\n') }
  },
}

/** Every other round backwards, each arm in one go: what it finds is what it has left. */
function planVisits(arms, turn) {
  const turned = turn % 2 === 0 ? arms : arms.toReversed()
  return turned.flatMap((arm) => arm.phases.map((phase) => ({ arm, phase })))
}
