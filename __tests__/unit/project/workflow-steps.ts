import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll } from '@jest/globals'
import { parse } from 'yaml'

import { text } from './project-files.js'

/** A job; one that calls another workflow has no steps. */
interface Steps {
  readonly steps?: readonly { readonly name?: string; readonly run?: string }[]
}

export interface StepRun {
  readonly status: number | null
  readonly log: string
  /** Each of one line. */
  readonly outputs: Readonly<Record<string, string>>
  /** The file of outputs as it was written. */
  readonly written: string
}

/** Runs scripts of a workflow as the runner does, in a folder that is there until the tests of the file are over. */
export function useSteps(path: string) {
  const { jobs } = parse(text(path)) as { readonly jobs: Readonly<Record<string, Steps>> }
  const folder = mkdtempSync(join(tmpdir(), 'workflow-test-'))
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })
  const runStep = (name: string, env: Readonly<Record<string, string>>): StepRun => {
    const step = Object.values(jobs)
      .flatMap(({ steps = [] }) => steps)
      .find((one) => one.name === name)
    if (step?.run === undefined) throw new Error(`${path} has no step "${name}" with a script`)
    const output = join(folder, 'output')
    writeFileSync(output, '')
    const { status, stdout, stderr } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], RUNNER_TEMP: folder, GITHUB_OUTPUT: output, ...env },
    })
    const written = readFileSync(output, 'utf8')
    const pairs = written
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
    return { status, log: stdout + stderr, outputs: Object.fromEntries(pairs) as Record<string, string>, written }
  }
  return { folder, runStep }
}
