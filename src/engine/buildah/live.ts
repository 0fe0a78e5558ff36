import { formatCommand, type RunOptions, type RunResult } from '../../exec.js'
import { endProcessTree, followMarked } from '../../lib/process-tree.js'
import { printLive } from '../../log.js'
import { runBuildah } from './command.js'
import type { Sandbox } from './sandbox/session.js'
import { type BuildahSetup, withEnv } from './setup.js'

const KILL_GRACE_MS = 2000

/** A run of Buildah that executes programs of an image. */
export interface LiveRun {
  /** Of its group in the log. */
  readonly title: string
  readonly args: readonly string[]
  readonly options?: Pick<RunOptions, 'input' | 'onStdout'>
  readonly sandbox: Sandbox
}

/** Runs it with its output in a group of the log, and ends what it has left running, unless that ends with the sandbox. */
export async function runLive({ title, args, options, sandbox }: LiveRun, setup: BuildahSetup): Promise<RunResult> {
  const print = (run: (onOutput: (chunk: Buffer) => void) => Promise<RunResult>) =>
    printLive(title, formatCommand([setup.buildah.path, ...args]), run)
  if (sandbox.isApart) return await print((onOutput) => runBuildah(setup, args, { ...options, onOutput }, sandbox))
  // Chroot isolation has no namespace that would.
  const processTree = followMarked()
  const marked = withEnv(setup, processTree.mark)
  let looked: Promise<unknown> | undefined
  try {
    return await print((onOutput) => {
      const look = (chunk: Buffer) => {
        looked ??= processTree.running()
        onOutput(chunk)
      }
      return runBuildah(marked, args, { ...options, onOutput: look }, sandbox)
    })
  } finally {
    await looked
    await endProcessTree(processTree, KILL_GRACE_MS)
  }
}
