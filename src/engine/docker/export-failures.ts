import { RegistryError, type UserError } from '../../errors.js'
import { CommandError } from '../../exec.js'
import { formatReference, repositoryOf } from '../../metadata/reference.js'
import type { BuildRequest } from '../engine.js'
import type { DockerSetup } from './setup.js'
import { refusal } from './failures.js'
import type { DockerProgress } from './progress.js'

/** The error for a build whose push failed; undefined if something else failed. */
export function pushFailure(
  error: unknown,
  { references, inputs }: BuildRequest,
  progress: DockerProgress,
  setup: DockerSetup,
): unknown {
  const said = lastErrorOf(error) ?? ''
  const [, refused] = /^ERROR: (?:failed to build: )?failed to solve: failed to push (\S+): /.exec(said) ?? []
  if (refused === undefined) return undefined
  // BuildKit says "done" of the one that has failed as well.
  const arrived = progress.pushed().filter((name) => name !== refused)
  const names = references.map((one) => formatReference(inputs.byDigest ? repositoryOf(one) : one))
  const missing = [...new Set(names)].filter((name) => !arrived.includes(name))
  const rest = arrived.length === 0 ? 'Nothing was pushed' : `Pushed: ${arrived.join(', ')}`
  const what = `Not pushed: ${missing.join(', ')}. ${rest}`
  return refusal(what, (error as UserError).cause, setup, { said: `Error: ${said}` })
}

/** Whether BuildKit failed on a cached layer that is damaged or missing. */
export function isCacheFailure(error: unknown): boolean {
  if (error instanceof RegistryError) return false
  return /unexpected commit (digest|size)|failed commit on ref|failed size validation|content digest sha256:|sha256:[0-9a-f]{64}: not found|unexpected EOF|invalid (checksum|header)|archive\/tar/i.test(
    lastErrorOf(error) ?? '',
  )
}

function lastErrorOf(error: unknown): string | undefined {
  const output = error instanceof Error && error.cause instanceof CommandError ? error.cause.output : ''
  return output.trimEnd().split('\n').at(-1)
}
