import { join } from 'node:path'

import { actionArm } from './cache-action.mjs'
import { armByArm, preparePlace, runRounds } from './cache.mjs'
import { buildkitVersions } from './cache-buildkit.mjs'
import { buildxArm } from './cache-buildx.mjs'
import { renderSeconds, renderTraffic, rowsOf } from './cache-report.mjs'
import { dockerActionArm } from './docker-action.mjs'
import { renderRatios } from './table.mjs'

/** The step with Docker as its engine, beside Docker Buildx called by hand, and beside the step with Buildah. */
export const docker = {
  name: 'docker',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    const { job, place } = preparePlace(folder, tell)
    const phases = ['cold', 'same', 'changed']
    const arms = [
      dockerActionArm(job),
      buildxArm(join(job, 'workspace')),
      actionArm(job, { id: 'own', title: 'this action, Buildah', cache: 'auto', phases }),
    ]
    const { samples } = await runRounds({ ...place, runs, tell }, arms, armByArm)
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
