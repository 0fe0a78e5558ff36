import { stepsOf } from '../../dockerfile/dockerfile.js'
import { type Place, RegistryError, UserError } from '../../errors.js'
import { CommandError } from '../../exec.js'
import type { Source } from '../../source/source.js'
import { hintForMissing, missingOf } from '../copy-not-found.js'
import { hintFor, hintForRun, isPassing, retriesOfLost, SEE_LOG } from '../error-hints.js'
import type { Scene } from '../known-causes.js'
import type { DockerClient } from './setup.js'
import { missingPath } from './copy-not-found.js'

const DAEMON_FULL =
  "The disk of Docker's daemon, or of its builder, is full. `docker system prune` and `docker buildx prune` in an earlier step free some of it; RUNNER_TEMP is elsewhere."

/** The error for a failed request to a registry. @param scene may hold the part of the output that is about it */
export function refusal(
  what: string,
  error: unknown,
  setup: DockerClient,
  { said, ...scene }: Scene & { readonly said?: string } = {},
): unknown {
  if (!(error instanceof CommandError)) return error
  const output = said ?? error.output
  const options = { cause: error, retries: retriesOfLost(output) }
  return new RegistryError(`${what}.`, hintOf(output, setup, scene) ?? SEE_LOG, isPassing(output), options)
}

export function explain(
  what: string,
  error: unknown,
  setup: DockerClient,
  { place, hint }: { readonly place?: Place; readonly hint?: string | undefined } = {},
): unknown {
  if (!(error instanceof CommandError)) return error
  return new UserError(`${what}.`, hint ?? hintOf(error.output, setup) ?? SEE_LOG, { cause: error, place })
}

/** What the instruction of a line didn't find in the context, where that is why it failed. */
export async function hintForCopy(error: unknown, line: number, source: Source): Promise<string | undefined> {
  const instruction = stepsOf(source.dockerfile).find((step) => step.line === line)
  if (!(error instanceof CommandError) || instruction === undefined) return undefined
  const path = missingPath(error.output, instruction)
  return path === undefined ? undefined : await hintForMissing(await missingOf(path, source), source)
}

/** What a step prints says nothing about the registry of the build, so only the last error is looked at for that. */
function hintOf(output: string, { folder }: DockerClient, scene: Scene = {}): string | undefined {
  const full = output.split('\n').findLast((line) => /no space left on device/i.test(line))
  // What the client itself writes lies in the private folder.
  if (full !== undefined && !full.includes(folder.path)) return DAEMON_FULL
  const last =
    output
      .trimEnd()
      .split('\n')
      .findLast((line) => /error|failed|denied|unauthorized|unknown|invalid/i.test(line)) ?? ''
  return isOfStep(last)
    ? (hintFor(`${output}\nError: `) ?? hintForRun(output))
    : hintFor(`${output}\nError: ${last}`, scene)
}

/** Whether an error is that of a program in a RUN step. */
function isOfStep(output: string): boolean {
  return /did not complete successfully|executor failed running/.test(output)
}
