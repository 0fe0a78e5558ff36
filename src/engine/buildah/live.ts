import type { RunResult } from '../../exec.js'
import { endProcessTree, followMarked } from '../../lib/process-tree.js'
import { printLive } from '../../log.js'
import { type BuildahSetup, withEnv } from './setup.js'

const KILL_GRACE_MS = 2000

/**
 * Runs what executes programs of an image, with their output in a group of the log, and ends what they have left running:
 * without a sandbox, chroot isolation has no namespace that would.
 * @param command as the log shows it
 * @param run gets the setup that the program is to be run with
 */
export async function runLive(
  title: string,
  command: string,
  setup: BuildahSetup,
  run: (onOutput: (chunk: Buffer) => void, setup: BuildahSetup) => Promise<RunResult>,
): Promise<RunResult> {
  const processTree = followMarked()
  let looked: Promise<unknown> | undefined
  try {
    return await printLive(title, command, (onOutput) =>
      run(
        (chunk) => {
          looked ??= processTree.running()
          onOutput(chunk)
        },
        withEnv(setup, processTree.mark),
      ),
    )
  } finally {
    await looked
    await endProcessTree(processTree, KILL_GRACE_MS)
  }
}
