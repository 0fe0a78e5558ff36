import * as fs from 'node:fs'
import { relative } from 'node:path'
import { performance } from 'node:perf_hooks'

const EVERY_MS = 20_000
const SLOWEST = 10

/**
 * What Jest's own reporters don't say: how far it is where no terminal shows that, the slowest files, and the counts
 * alone on the last line.
 */
export default class TestReporter {
  #root
  #files = 0
  #done = 0
  /** Path of a file → when it was started. */
  #running = new Map()
  #timer

  constructor({ rootDir }) {
    this.#root = rootDir
  }

  onRunStart(results) {
    this.#files = results.numTotalTestSuites
    if (!process.stdout.isTTY) this.#timer = setInterval(() => console.log(this.#progress()), EVERY_MS)
    // Others write after onRunComplete(), and a run that breaks off never gets there.
    process.once('exit', () => fs.writeSync(1, `${counts(results)}\n`))
  }

  onTestFileStart({ path }) {
    this.#running.set(path, performance.now())
  }

  onTestFileResult({ path }) {
    this.#running.delete(path)
    this.#done += 1
  }

  onRunComplete(_, results) {
    clearInterval(this.#timer)
    for (const line of leftOut(results.testResults)) console.log(line)
    if (results.testResults.length > 1) console.log(`\n${slowest(results.testResults, this.#root).join('\n')}\n`)
  }

  #progress() {
    const now = performance.now()
    const running = [...this.#running].map(([path, since]) => `${relative(this.#root, path)} (${seconds(now - since)})`)
    return `${this.#done} of ${this.#files} files are done; running: ${running.join(', ') || 'none'}`
  }
}

export function slowest(testResults, root) {
  const files = testResults.map(({ testFilePath, perfStats: { start, end } }) => ({
    path: testFilePath,
    ms: end - start,
  }))
  files.sort((one, other) => other.ms - one.ms)
  const lines = files.slice(0, SLOWEST).map(({ path, ms }) => `${seconds(ms).padStart(9)}  ${relative(root, path)}`)
  return ['The slowest files:', ...lines]
}

/** What the names of skipped tests say of why they are, as harness/skipping.ts writes it. */
export function leftOut(testResults) {
  const times = new Map()
  for (const { status, title } of testResults.flatMap((file) => file.testResults)) {
    const reason = status === 'pending' ? /\(skipped: (.*)\)$/.exec(title)?.[1] : undefined
    if (reason !== undefined) times.set(reason, (times.get(reason) ?? 0) + 1)
  }
  return [...times].map(([reason, count]) => `Skipped, ${count}: ${reason}`)
}

/**
 * `N passed, N failed, N skipped`. A file that can't be loaded, and one that was never come to, has no test that could
 * fail: it counts as one.
 */
export function counts(results) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = results
  const notRun = results.numTotalTestSuites - results.testResults.length
  const failed = numFailedTests + results.numRuntimeErrorTestSuites + notRun
  return `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
