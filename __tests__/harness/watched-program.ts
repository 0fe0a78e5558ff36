import { spawn } from 'node:child_process'

import { type Account, testsAreRoot } from './account.js'

/** A signal to send to the script, once: as soon as its log has this, or this has come. */
export interface Signal {
  readonly name: NodeJS.Signals
  readonly when: string | RegExp | Promise<unknown>
}

export interface WatchOptions {
  readonly account: Account
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: Signal | undefined
  /** A command line in front of the script's own, started as who runs the tests; it has to become the account itself. */
  readonly wrapper?: readonly string[] | undefined
  /** Default, that of the tests. */
  readonly node?: string | undefined
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
  const { account, cwd, env, signal, limitMilliseconds, wrapper, node = process.execPath } = options
  const started = performance.now()
  // The shell gives both streams one pipe, which keeps their order, and is replaced by node, which gets the signal.
  // Bash, because dash drops variables whose names have a dash, as INPUT_BUILD-ARGS.
  const shell = ['/bin/bash', '-c', 'exec "$0" "$@" 2>&1', node, script]
  const [program = '', ...args] = [...(wrapper ?? []), ...shell]
  const child = spawn(program, args, {
    cwd,
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(testsAreRoot && wrapper === undefined && { uid: account.uid, gid: account.gid }),
  })
  return new Promise((resolve, reject) => {
    let log = ''
    let signalled: number | undefined
    const limit = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      reject(new Error(`${script} did not end within ${limitMilliseconds} ms; its log so far:\n${log}`))
    }, limitMilliseconds)
    const send = (name: NodeJS.Signals): void => {
      signalled ??= performance.now()
      child.kill(name)
    }
    if (signal?.when instanceof Promise) {
      void signal.when.then(() => {
        send(signal.name)
      })
    }
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (piece: string) => {
      log += piece
      if (signal && signalled === undefined && has(log, signal.when)) send(signal.name)
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

function has(log: string, wanted: Signal['when']): boolean {
  if (wanted instanceof Promise) return false
  return typeof wanted === 'string' ? log.includes(wanted) : wanted.test(log)
}
