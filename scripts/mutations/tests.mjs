import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

import { MutationError } from './copy.mjs'

/** No test that a row names takes nearly as long, however busy the machine. */
const LIMIT_MS = 60 * 60_000
const SHOWN_LINES = 12
/** For tests that have no limit of their own, instead of five seconds. */
const PATIENCE_MS = '60000'

/**
 * Runs tests in a copy of the checkout.
 * @param rows that are going to be judged
 */
export function openTests({ folder, temporary }, rows, set, signal) {
  const run = async (files, name) => {
    const result = join(folder, 'result.json')
    fs.rmSync(result, { force: true })
    const chosen = ['--runTestsByPath', ...files, ...(name === undefined ? [] : ['--testNamePattern', name])]
    const args = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--testTimeout', PATIENCE_MS, ...chosen]
    const env = { ...process.env, TEST_SET: set, TMPDIR: temporary }
    const ended = await runJest([...args, '--json', '--outputFile', result], { cwd: folder, env }, signal)
    endStrays(temporary)
    if (!fs.existsSync(result)) throw new MutationError(`jest has no result: ${ended}`)
    return JSON.parse(fs.readFileSync(result, 'utf8')).testResults
  }
  // Files of which all tests are meant are run in one go: to start jest takes longer than most of them.
  const whole = [...new Set(rows.filter(({ name }) => name === undefined).map(({ test }) => test))]
  const known = new Map()
  const runOnce = (files, name) => {
    const key = JSON.stringify([files, name])
    if (!known.has(key)) known.set(key, run(files, name))
    return known.get(key)
  }
  const countsIn = (results, { test, name }) =>
    countsOf(results.find((result) => result.name === join(folder, test)) ?? {}, new RegExp(name ?? ''))
  return {
    run: async (row) => countsIn(await run([row.test], row.name), row),
    /** The same of the code as it is, once for each test. */
    runPlain: async (row) => countsIn(await runOnce(row.name === undefined ? whole : [row.test], row.name), row),
  }
}

/** @returns how it ended, and the last that it said */
function runJest(args, options, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...options, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-2000)
    })
    const end = () => process.kill(-child.pid, 'SIGKILL')
    const limit = setTimeout(end, LIMIT_MS)
    signal.addEventListener('abort', end)
    child.once('error', reject)
    child.once('exit', (code, killer) => {
      clearTimeout(limit)
      signal.removeEventListener('abort', end)
      child.stderr.destroy()
      resolve(`${killer ?? `exit code ${code}`}\n${said}`)
    })
  })
}

/** Counts the tests of a file that ran. A file that can't even be loaded is no test that went red. */
function countsOf({ assertionResults: all = [], message = '' }, name) {
  // A file may have tests in the other set alone.
  if (all.length === 0 && message !== '' && !message.includes('must contain at least one test'))
    throw new MutationError(`The file of the test can't be run.\n${excerpt(message)}`)
  const count = (wanted) => all.filter(({ status }) => status === wanted).length
  const first = all.find(({ status }) => status === 'failed')
  return {
    passed: count('passed'),
    failed: count('failed'),
    // Those that weren't asked for are pending as well.
    skipped: all.filter(({ status, fullName }) => status === 'pending' && name.test(fullName)).length,
    /** The first one. */
    failure: first === undefined ? '' : `${first.fullName}\n${excerpt(first.failureMessages.join('\n'))}`,
  }
}

function excerpt(text) {
  const lines = stripVTControlCharacters(text).split('\n')
  return lines
    .filter((line) => !/^ +at /.test(line))
    .slice(0, SHOWN_LINES)
    .join('\n')
    .trim()
}

/** Ends what a test has left running because it failed, and removes what it has left lying there. */
function endStrays(folder) {
  const isOurs = (pid) =>
    ['cmdline', 'environ'].some((file) => read(`/proc/${pid}/${file}`).includes(folder)) ||
    ['cwd', 'root'].some((link) => linkOf(`/proc/${pid}/${link}`).startsWith(folder))
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid))
    if (isOurs(pid)) attempt(() => process.kill(Number(pid), 'SIGKILL'))
  for (const name of fs.readdirSync(folder))
    attempt(() => fs.rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 3 }))
}

function read(path) {
  return attempt(() => fs.readFileSync(path, 'utf8')) ?? ''
}

function linkOf(path) {
  return attempt(() => fs.readlinkSync(path)) ?? ''
}

/** A process may have ended between two looks, and what a namespace still mounts can't be removed. */
function attempt(action) {
  try {
    return action()
  } catch {
    return undefined
  }
}
