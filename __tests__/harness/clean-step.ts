import { expect } from '@jest/globals'

import { runAction, type StepOptions, type StepResult } from './runner.js'

/** Runs a step that must succeed and leave nothing: no file in RUNNER_TEMP, no process. */
export async function succeed(options: StepOptions): Promise<StepResult> {
  const step = await runAction(options)
  if (step.exitCode !== 0) throw new Error(`The step ended with ${step.exitCode}; its log:\n${step.log}`)
  expectNothingLeft(step)
  return step
}

/**
 * Runs a step that must fail with exactly one error and leave nothing.
 * @returns the step, and the error as a person reads it
 */
export async function fail(options: StepOptions): Promise<StepResult & { readonly error: string }> {
  const step = await runAction(options)
  const errors = [...step.log.matchAll(/^::error(?: [^:]*)?::(.*)$/gm)].map(([, text = '']) => unescaped(text))
  if (step.exitCode !== 1 || errors[0] === undefined || errors.length > 1) {
    throw new Error(`Not exit code 1 and one error, but ${step.exitCode} and ${errors.length}; the log:\n${step.log}`)
  }
  expectNothingLeft(step)
  return { ...step, error: errors[0] }
}

function expectNothingLeft({ post, leftInTemp, leftRunning }: StepResult): void {
  expect({ post: post?.exitCode, leftInTemp, leftRunning }).toStrictEqual({
    post: 0,
    leftInTemp: [],
    leftRunning: [],
  })
  expect(post?.log).not.toMatch(/^::(warning|error)/m)
}

/** Workflow commands carry newlines and percent signs as codes. */
function unescaped(text: string): string {
  return text.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%')
}
