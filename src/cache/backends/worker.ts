import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Env } from '../../exec.js'

/** The process that talks to the service. */
export type Worker = ChildProcess

/** What it is started with. */
export interface WorkerOptions {
  /** Absolute path of the program that talks to the service: the bundle of cache-worker.ts. */
  readonly program: string
  /** Its environment, with what the runner tells about the service, the token too. */
  readonly env: Env
}

/** Starts a worker. It loads the library while this process goes on, and ends with it. */
export function startWorker({ program, env }: WorkerOptions): Worker {
  const child = fork(program, [], {
    // It is told its folder later.
    cwd: '/',
    env: environment(env),
    execArgv: [],
    // A group of its own, so that tar ends with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  // Who uses it asks whether it is there.
  child.on('error', () => undefined)
  child.unref()
  child.channel?.unref()
  ;(child.stderr as Socket | null)?.unref()
  return child
}

/** Whether a worker that was started can be asked. */
export function isUsable({ pid, connected, exitCode, signalCode }: Worker): boolean {
  return pid !== undefined && connected && exitCode === null && signalCode === null
}

/** Ends a worker with all that it has started. */
export function endWorker({ pid }: Worker): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A worker that is started before it is known who needs it. */
export interface EarlyWorker {
  readonly start: (options: WorkerOptions) => void
  /** Gives it to the first who asks. */
  readonly take: () => Worker | undefined
  /** Ends it, where nobody has taken it. */
  readonly end: () => void
}

export function earlyWorker(): EarlyWorker {
  let worker: Worker | undefined
  const take = () => {
    const started = worker
    worker = undefined
    return started
  }
  return {
    start(options) {
      worker = startWorker(options)
    },
    take,
    end() {
      const left = take()
      // The number of one that has ended may be a stranger's.
      if (left !== undefined && isUsable(left)) endWorker(left)
    },
  }
}

function environment(env: Env): Record<string, string> {
  const all: Record<string, string> = {
    ...env,
    // The library unpacks with absolute names allowed. Of an archive that somebody else has made, only what belongs
    // into the staging directory is unpacked.
    TAR_OPTIONS: '--exclude=*/*',
    // What tar says of a full disk is understood in English.
    LC_ALL: 'C',
  }
  // With it the library asks more and lists every archive.
  delete all['RUNNER_DEBUG']
  return all
}
