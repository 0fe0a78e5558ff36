import pRetry from 'p-retry'
import { type Clock, systemClock } from './clock.js'
import { lastLine, RegistryError } from '../errors.js'
import { info } from '../log.js'

/** Upper bound for Retry-After: a step doesn't wait for minutes. */
const MAX_WAIT_MS = 10_000
const RETRIES = 3
/** Doubled from attempt to attempt, and up to doubled once more at random, so that not all come back at once. */
const FIRST_PAUSE_MS = 1000

/**
 * Tries something at a registry, and again, up to three times with growing pauses, while the registry is busy or out of
 * reach, and twice where it lacks what it was just sent. What it refuses (401, 403, 404) is not tried again. A pause that
 * the registry asked for comes on top, up to 10 s of it; Buildah itself waits as `Retry-After` says.
 * @param what is tried, for the log: `Push of docker.io/acme/web:1`
 */
export async function withRetries<T>(what: string, action: () => Promise<T>, clock: Clock = systemClock): Promise<T> {
  return await pRetry(action, {
    retries: RETRIES,
    // The pauses are those below.
    minTimeout: 0,
    shouldRetry: ({ error, attemptNumber }) => retriesLeft(error, attemptNumber) > 0,
    onFailedAttempt: async ({ error, attemptNumber }) => {
      const left = retriesLeft(error, attemptNumber)
      if (left <= 0 || !(error instanceof RegistryError)) return
      info(`${what}: attempt ${attemptNumber} failed, ${left} left. ${lastLine(error)}`)
      const growing = FIRST_PAUSE_MS * 2 ** (attemptNumber - 1)
      await clock.wait(growing * (1 + Math.random()) + Math.min(error.retryAfterMs ?? 0, MAX_WAIT_MS))
    },
  })
}

function retriesLeft(error: Error, attempts: number): number {
  if (!(error instanceof RegistryError && error.transient)) return 0
  return (error.retries ?? RETRIES) - (attempts - 1)
}
