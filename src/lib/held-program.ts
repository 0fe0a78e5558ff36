import { spawn } from 'node:child_process'
import type { Env } from '../exec.js'
import { refuseWhenCancelled } from './cancellation.js'

/** A program that runs alongside this one, and ends with it: its standard input is a pipe that only this process holds. */
export interface Held {
  /** The first line that it printed. */
  readonly line: string
  /** Ends its standard input, and waits until it has ended. */
  close(): Promise<void>
}

/** How long a program whose standard input has ended may take to end. */
const KILL_GRACE_MS = 2000
const KEPT_BYTES = 4096

/**
 * Starts a program that prints one line when it is ready and then waits for the end of its standard input.
 * @throws Error with the last of what it printed, when it ends before that line or can't be started
 */
export async function hold(argv: readonly string[], { env, cwd }: { env: Env; cwd: string }): Promise<Held> {
  refuseWhenCancelled()
  const [file = '', ...args] = argv
  const child = spawn(file, args, { env: { ...env }, cwd, stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve()
    })
  })
  // It may have ended by the time that its input is closed.
  child.stdin.on('error', () => undefined)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-KEPT_BYTES)
  })
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.once('error', reject)
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const [first, ...rest] = text.split('\n')
      if (rest.length > 0) resolve(first ?? '')
    })
    void ended.then(() => {
      reject(new Error(errors.trim() || `${file} exited without output`))
    })
  })
  return {
    line,
    async close() {
      const late = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS)
      child.stdin.end()
      await ended
      clearTimeout(late)
    },
  }
}
