import * as fs from 'node:fs'
import { join } from 'node:path'

import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { addBuilder, secondsToPush } from './cache-buildx.mjs'
import { runWell } from './child.mjs'

/**
 * A BuildKit daemon that is never stopped, as a hosted builder is: it keeps its state between the runs, and nothing is
 * moved.
 * @returns {import('./cache.mjs').Arm}
 */
export function keptBuildkitArm(workspace) {
  return {
    id: 'kept-buildkit',
    title: 'BuildKit that is kept running',
    phases: ['cold', 'same', 'changed'],
    whyNot: whyNoBuildkit,
    async open(round) {
      const programs = provideBuildkit(round.packages)
      const folder = join(round.folder, 'kept-buildkit')
      fs.mkdirSync(folder)
      const daemon = await startBuildkit(programs, join(folder, 'daemon'), round.host)
      const { words, options } = await addBuilder({ folder, programs }, daemon.address)
      const reference = round.reference('kept-buildkit')
      const flags = [...words, '--provenance=false', '--progress=plain', '--tag', reference, '--push']
      return {
        async run() {
          const { lines, seconds } = await runWell([programs.buildx, 'build', ...flags, workspace], options)
          return { pushed: secondsToPush(lines), ended: seconds, up: 0, down: 0, calls: 0 }
        },
        close: () => daemon.stop(),
      }
    },
  }
}
