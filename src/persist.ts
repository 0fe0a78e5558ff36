import pRetry from 'p-retry'
import { describe, RegistryError } from './errors.js'
import { say } from './log.js'

/** A registry that asks for a longer pause than this is asked again after it all the same: a step doesn't wait for minutes. */
const LONGEST_WAIT_MS = 10_000

/**
 * Tries something at a registry, and again, up to three times with growing pauses, while the registry is busy or out of
 * reach. What it refuses (401, 403, 404) is not tried again. A pause that the registry asked for comes on top, up to 10 s
 * of it; Buildah itself waits as `Retry-After` says.
 * @param what is tried, for the log: `Push of docker.io/acme/web:1`
 */
export async function persist<T>(what: string, action: () => Promise<T>): Promise<T> {
  return await pRetry(action, {
    retries: 3,
    minTimeout: 1000,
    factor: 2,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof RegistryError && error.passing,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (retriesLeft === 0 || !(error instanceof RegistryError && error.passing)) return
      say(`${what}: attempt ${attemptNumber} failed, ${retriesLeft} left. ${describe(error)}`)
      await pause(Math.min(error.waitMs ?? 0, LONGEST_WAIT_MS))
    },
  })
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}
