import type { RunResult } from '../../exec.js'
import { endProcessTree, followNewChildren } from '../../lib/process-tree.js'
import { printLive } from '../../log.js'
import { ownStorageVariable } from '../work-dir.js'
import type { BuildahSetup } from './setup.js'

const KILL_GRACE_MS = 2000

/**
 * Runs what executes programs of an image, with their output in a group of the log, and ends what they have left running:
 * without a sandbox, chroot isolation has no namespace that would.
 * @param command as the log shows it
 */
export async function runLive(
  title: string,
  command: string,
  { folder }: Pick<BuildahSetup, 'folder'>,
  run: (onOutput: (chunk: Buffer) => void) => Promise<RunResult>,
): Promise<RunResult> {
  const processTree = await followNewChildren(ownStorageVariable(folder.path))
  let looked: Promise<unknown> | undefined
  try {
    return await printLive(title, command, (onOutput) =>
      run((chunk) => {
        looked ??= processTree.running()
        onOutput(chunk)
      }),
    )
  } finally {
    await looked
    await endProcessTree(processTree, KILL_GRACE_MS)
  }
}
