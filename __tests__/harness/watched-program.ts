import { spawn } from 'node:child_process'

import { type Account, testsAreRoot } from './account.js'

export interface WatchOptions {
  readonly account: Account
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Sends a signal as soon as the log has this. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly when: string | RegExp } | undefined
  readonly limitMilliseconds: number
}

export interface WatchedResult {
  readonly exitCode: number | NodeJS.Signals
  /** Standard output and error in the order of writing, as they are. */
  readonly log: string
  readonly milliseconds: number
  /** From the signal to the end; undefined when none was sent. */
  readonly millisecondsAfterSignal: number | undefined
}

/** Runs a Node script to its end as this account, with nothing of the tests' own environment. */
export function watchNode(script: string, options: WatchOptions): Promise<WatchedResult> {
  const { account, cwd, env, signal, limitMilliseconds } = options
  const started = performance.now()
  // The shell gives both streams one pipe, which keeps their order, and is replaced by node, which gets the signal.
  // Bash, because dash drops variables whose names have a dash, as INPUT_BUILD-ARGS.
  const child = spawn('/bin/bash', ['-c', 'exec "$0" "$@" 2>&1', process.execPath, script], {
    cwd,
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(testsAreRoot && { uid: account.uid, gid: account.gid }),
  })
  return new Promise((resolve, reject) => {
    let log = ''
    let signalled: number | undefined
    const limit = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      reject(new Error(`${script} did not end within ${limitMilliseconds} ms; its log so far:\n${log}`))
    }, limitMilliseconds)
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (piece: string) => {
      log += piece
      if (signal && signalled === undefined && has(log, signal.when)) {
        signalled = performance.now()
        child.kill(signal.name)
      }
    })
    child.on('error', reject)
    child.on('close', (code, endedBy) => {
      clearTimeout(limit)
      const ended = performance.now()
      resolve({
        exitCode: code ?? endedBy ?? -1,
        log,
        milliseconds: ended - started,
        millisecondsAfterSignal: signalled === undefined ? undefined : ended - signalled,
      })
    })
  })
}

function has(log: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? log.includes(wanted) : wanted.test(log)
}
