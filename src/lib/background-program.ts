import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type Env, findProgram } from '../exec.js'
import { refuseWhenCancelled } from './cancellation.js'

/** A nice value. */
const LOWEST = 19

/** A program that nobody waits for, at the lowest priority that the machine has. */
export interface BackgroundProgram {
  /** Whether it has succeeded, when it has ended. Never rejects. */
  readonly succeeded: Promise<boolean>
  /** Ends it at once, with all that it has started in its process group. */
  end(): void
}

/** Starts a program that gets the processor and the disk when nothing else wants them. What it prints is lost. */
export async function startInBackground(
  argv: readonly string[],
  { env, cwd }: { readonly env: Env; readonly cwd: string },
): Promise<BackgroundProgram> {
  const [file = '', ...args] = [...(await lowestPriority(env)), ...argv]
  refuseWhenCancelled()
  // A group of its own, so that what it starts ends with it.
  const child = spawn(file, args, { env: { ...env }, cwd, detached: true, stdio: 'ignore' })
  lowerGroup(child.pid)
  const succeeded = new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(false)
    })
    child.once('close', (exitCode) => {
      resolve(exitCode === 0)
    })
  })
  return {
    succeeded,
    end() {
      const { pid, exitCode, signalCode } = child
      // Its number may be a stranger's when it has ended.
      if (pid === undefined || exitCode !== null || signalCode !== null) return
      process.kill(-pid, 'SIGKILL')
    },
  }
}

/**
 * Gives a session the lowest priority. Where the kernel shares out the processor among sessions first (autogroup in sched(7)),
 * the nice value of a program counts among those of its session alone.
 */
function lowerGroup(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(LOWEST))
  } catch {
    // Many kernels have no such groups.
  }
}

/** The command line before a program by which it disturbs nobody, as far as the machine has one. */
async function lowestPriority(env: Env): Promise<string[]> {
  const [nice, ionice] = await Promise.all(['nice', 'ionice'].map((name) => findProgram(name, env)))
  return [
    ...(nice === undefined ? [] : [nice, '-n', String(LOWEST)]),
    ...(ionice === undefined ? [] : [ionice, '-c', '3']),
  ]
}
