import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'

import { DemoError } from '../demo/machine.mjs'

const running = new Set()
let cancelled = false

/** Asks every program that runs to end. */
export function cancelChildren() {
  cancelled = true
  for (const child of running) child.kill('SIGTERM')
}

export function wasCancelled() {
  return cancelled
}

/**
 * Runs a program, whatever it ends with. Seconds count from the call on: `seconds` to the exit, and in `lines` to when a
 * line of either stream was complete.
 * @returns {Promise<{code: number | string, seconds: number, lines: {text: string, seconds: number}[]}>}
 */
export function runChild([program, ...args], { cwd, env }) {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const elapsed = () => (performance.now() - started) / 1000
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const lines = []
    let end
    running.add(child)
    for (const stream of [child.stdout, child.stderr])
      splitLines(stream, (text) => lines.push({ text, seconds: elapsed() }))
    child.on('error', reject)
    child.on('exit', (status, signal) => (end = { code: status ?? signal, seconds: elapsed() }))
    child.on('close', () => {
      running.delete(child)
      resolve({ ...end, lines })
    })
  })
}

/** The same for a program that must succeed. @throws DemoError with the last lines that it wrote */
export async function runWell(argv, options) {
  const result = await runChild(argv, options)
  if (result.code !== 0) throw failure(argv, result)
  return result
}

/** What to say of a program that didn't end as it should. */
export function failure(argv, { code, lines }) {
  const said = lines.slice(-30).map(({ text }) => text)
  return new DemoError([`${argv.join(' ')} ended with ${code}:`, ...said].join('\n'))
}

function splitLines(stream, onLine) {
  let partial = ''
  stream.setEncoding('utf8').on('data', (chunk) => {
    const pieces = (partial + chunk).split('\n')
    partial = pieces.pop()
    pieces.forEach(onLine)
  })
  stream.on('end', () => partial !== '' && onLine(partial))
}
