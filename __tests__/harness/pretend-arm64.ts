import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import { buildahWith } from './buildah-with.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** Node says that the machine has another processor. */
const preload = `const os = require('node:os')
os.arch = () => 'arm64'
os.machine = () => 'aarch64'
require('node:module').syncBuiltinESMExports()
`

/** Buildah pulls and builds for it without being told, as it would there. */
const buildahForArm64 = () => buildahWith('--platform=linux/arm64', ['build', 'pull'])

/** What a step is given that takes its runner for one of arm64. What it builds must run nothing of arm64. */
export function pretendArm64(): Required<Pick<StepOptions, 'env' | 'path'>> {
  const path = buildahForArm64()
  writeFileSync(join(path, 'preload.cjs'), preload)
  return { env: { NODE_OPTIONS: `--require=${join(path, 'preload.cjs')}` }, path }
}

/**
 * Two runners on one machine, for jobs that all have the same environment: the first job that comes is on the machine as it
 * is, each other one takes its runner for one of arm64. Buildah is the machine's own on both, so that a Node of arm64 would
 * change no more than this does: what `os.arch()` says.
 * @returns the value of NODE_OPTIONS
 */
export function pretendTwoRunners(): string {
  const folder = makeFolder('two-runners', accountFor('user'))
  const path = buildahForArm64()
  const choose = `const { readFileSync, writeFileSync } = require('node:fs')
const first = ${JSON.stringify(join(folder, 'first'))}
const { RUNNER_TEMP: job = '' } = process.env
try {
  writeFileSync(first, job, { flag: 'wx' })
} catch {}
if (job !== '' && readFileSync(first, 'utf8') !== job) {
  process.env.PATH = ${JSON.stringify(`${path}:`)} + process.env.PATH
  ${preload.replaceAll('\n', '\n  ').trim()}
}
`
  writeFileSync(join(folder, 'preload.cjs'), choose, { mode: 0o644 })
  return `--require=${join(folder, 'preload.cjs')}`
}
