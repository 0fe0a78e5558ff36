import { lstat, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Context } from '../runner/context.js'
import { describeInLine } from '../errors.js'
import { info } from '../log.js'
import { endProcessTree, followProcessTree, startedWith } from '../lib/process-tree.js'
import { isForsaken } from './keeper.js'
import { removeFolder } from './remove-folder.js'
import { type WorkDir, OTHER_PLACE, PREFIX, storageVariable } from './work-dir.js'

const KILL_GRACE_MS = 2000

/**
 * Removes what steps have left that were killed before their post step, with what still runs of them: files of subordinate
 * users the runner can't delete, and fails for them when it empties RUNNER_TEMP.
 * @param unshare command line before `rm` that lets it delete such files; empty when none is needed
 */
export async function removeLeftovers(
  own: Pick<WorkDir, 'path'>,
  unshare: readonly string[],
  { temp, env }: Pick<Context, 'temp' | 'env'>,
): Promise<void> {
  for (const place of new Set([temp, OTHER_PLACE, dirname(own.path)])) {
    const names = (await readdir(place).catch(() => [])).filter((name) => name.startsWith(PREFIX))
    for (const folder of names.map((name) => join(place, name))) {
      if (folder === own.path || !(await isOurs(folder)) || !(await isForsaken(folder))) continue
      try {
        await endProcessTree(
          followProcessTree(() => startedWith(storageVariable(folder))),
          KILL_GRACE_MS,
        )
        await removeFolder({ folder, unshare, keepStorage: false }, env)
        info(`Removed ${folder}, left by a step that was killed`)
      } catch (error) {
        info(`${folder}, left by a step that was killed, could not be removed completely: ${describeInLine(error)}`)
      }
    }
  }
}

/** In /var/tmp anybody can make a folder of any name. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.()
}
