import { spawn } from 'node:child_process'

import type { Account } from './account.js'

export interface CommandOptions {
  readonly account?: Account | undefined
  readonly cwd?: string
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
}

/** Runs a program to its end and gives its standard output. An exit code other than 0 is an error with its stderr. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
  const { account, cwd, env, input } = options
  const identity = account && account.uid !== process.getuid?.() ? { uid: account.uid, gid: account.gid } : {}
  const home = account ? { HOME: account.home, USER: account.name } : {}
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...identity,
      cwd: cwd ?? '/',
      env: { ...process.env, ...home, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece))
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece))
    // A program that ends without reading its input closes the pipe: its exit code says what there is to say.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) {
        resolve(Buffer.concat(stdout))
        return
      }
      const reason = Buffer.concat(stderr).toString().trimEnd()
      reject(new Error(`${program} ${args.join(' ')}: exit code ${code ?? String(signal)}\n${reason}`))
    })
  })
}
