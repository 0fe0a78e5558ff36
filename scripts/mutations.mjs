/**
 * Breaks the code on purpose, one way at a time, and runs the test that must notice. The ways are the rows of
 * __tests__/mutations/rows.mjs.
 *
 *   npm run test:mutations -- [--set ordinary|exhaustive] [--only NUMBER|WORD]... [--changed REF] [--why]
 *
 * --set      the set of tests (__tests__/harness/test-set.ts) in which a row's test is looked for. Default: exhaustive,
 *            in which every row must be caught; in the ordinary set, at least 34.
 * --only     rows with this number, or with this word in their file, in their test, or in what they say is lost.
 * --changed  rows whose file or test differs from this commit or branch.
 * --why      the failure of the test, below each row.
 *
 * It works on a copy of the checkout. A row that no longer applies, that doesn't compile, or whose test is red without
 * it, is an error. What the end-to-end tests need (scripts/test.sh) must be installed.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'

import { rows } from '../__tests__/mutations/rows.mjs'
import { openCompiler } from './mutations/compiler.mjs'
import { makeCopy, MutationError, root } from './mutations/copy.mjs'
import { openTests } from './mutations/tests.mjs'

const LEAST = { ordinary: 34, exhaustive: rows.length }
/** What a line begins with. */
const VERDICTS = {
  caught: 'caught',
  survived: 'SURVIVED',
  elsewhere: 'not in this set',
  skipped: 'skipped',
  error: 'ERROR',
}

const options = readOptions()
const chosen = choose(options)
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopped.abort())

const copy = makeCopy()
try {
  const compiler = openCompiler(copy.folder)
  copy.layOut(compiler)
  const tests = openTests(copy, chosen, options.set, stopped.signal)
  const counts = {}
  for (const row of chosen) {
    const started = Date.now()
    const { verdict, details } = await judge(row, { compiler, tests })
    if (stopped.signal.aborted) break
    counts[verdict] = (counts[verdict] ?? 0) + 1
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    console.log(`${VERDICTS[verdict].padEnd(15)} ${seconds.padStart(6)} s  ${row.number}. ${row.file}: ${row.loses}`)
    if (details !== '' && (verdict === 'error' || options.why)) console.log(details.replace(/^/gm, '      '))
  }
  process.exitCode = report(counts)
} finally {
  copy.remove()
}

function readOptions() {
  const strings = { only: { type: 'string', multiple: true }, changed: { type: 'string' } }
  const { values } = parseArgs({
    options: { ...strings, set: { type: 'string', default: 'exhaustive' }, why: { type: 'boolean', default: false } },
  })
  if (values.set in LEAST) return values
  console.error(`--set ${values.set}: there are the sets ${Object.keys(LEAST).join(' and ')}.`)
  return process.exit(2)
}

function choose({ only = [], changed }) {
  const differing = changed === undefined ? undefined : changedFiles(changed)
  const isMeant = (row) => (word) =>
    /^\d+$/.test(word) ? row.number === Number(word) : `${row.file} ${row.test} ${row.loses}`.includes(word)
  const found = rows.filter(
    (row) =>
      (only.length === 0 || only.some(isMeant(row))) &&
      (differing === undefined || differing.has(row.file) || differing.has(row.test)),
  )
  if (found.length > 0) return found
  console.error('No row is meant by these options.')
  return process.exit(2)
}

function changedFiles(ref) {
  return new Set(execFileSync('git', ['diff', '--name-only', ref], { cwd: root, encoding: 'utf8' }).split('\n'))
}

/** What became of a row: the test without the mutation first, since a test that is red anyway proves nothing. */
async function judge(row, { compiler, tests }) {
  try {
    const plain = await tests.runPlain(row)
    if (plain.failed > 0) throw new MutationError(`The test is red without the mutation.\n${plain.failure}`)
    if (plain.passed === 0) return whyNothingRan(plain)
    const undo = copy.mutate(row, compiler)
    try {
      const { failed, failure } = await tests.run(row)
      return failed > 0 ? { verdict: 'caught', details: failure } : { verdict: 'survived', details: '' }
    } finally {
      undo()
    }
  } catch (error) {
    if (!(error instanceof MutationError)) throw error
    return { verdict: 'error', details: error.message }
  }
}

function whyNothingRan({ skipped }) {
  if (skipped > 0) return { verdict: 'skipped', details: '' }
  if (options.set === 'ordinary') return { verdict: 'elsewhere', details: '' }
  throw new MutationError('There is no test of this name.')
}

/** Prints the counts. @returns the exit code */
function report({ caught = 0, survived = 0, elsewhere = 0, skipped = 0, error = 0 }) {
  const others = `${survived} survived, ${elsewhere} not in this set, ${skipped} skipped, ${error} errors`
  console.log(`\n${chosen.length} rows, set ${options.set}: ${caught} caught, ${others}`)
  if (stopped.signal.aborted) return 130
  if (error > 0) return 1
  if (chosen.length < rows.length || options.set === 'exhaustive') return survived > 0 ? 1 : 0
  if (caught + skipped >= LEAST.ordinary) return 0
  console.log(`At least ${LEAST.ordinary} must be caught.`)
  return 1
}
