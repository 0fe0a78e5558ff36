import { describe, RegistryError } from '../../errors.js'
import { systemClock } from '../../lib/clock.js'
import { limiter } from '../../lib/concurrency.js'
import { saysDiskFull, sentenceOfRegistry } from '../errors.js'
import type { Cause, Failure, Operation } from './entries.js'
import { ServiceHealth } from './health.js'

const CONCURRENCY = 6
const PAUSE_MS = 1000

/** What is asked of the registry of a cache: so much at a time, each within its time, and nothing after it has failed. */
export class RegistryRequests {
  readonly health = new ServiceHealth(sentenceOfRegistry)
  private readonly inTurn = limiter(CONCURRENCY)
  private readonly running = new Set<AbortController>()
  private closed = false

  /** @returns undefined also where it failed */
  async run<T>(op: Operation, deadlineMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    return await this.inTurn(async () => {
      if (this.isClosed() || deadlineMs <= 0 || !this.health.allows(op)) return undefined
      const controller = new AbortController()
      this.running.add(controller)
      const timer = setTimeout(() => {
        controller.abort()
      }, deadlineMs)
      try {
        const value = await withSecondTry(work, controller.signal)
        this.health.learn(op, undefined)
        return value
      } catch (error) {
        if (!this.isClosed()) this.health.learn(op, failureIn(error, controller.signal, deadlineMs))
        return undefined
      } finally {
        clearTimeout(timer)
        this.running.delete(controller)
      }
    })
  }

  /** Gives up all that is under way. */
  close(): void {
    this.closed = true
    for (const controller of this.running) controller.abort()
  }

  private isClosed(): boolean {
    return this.closed
  }
}

/**
 * Does something with a registry, and once more where the registry was ill or out of reach: not where it limits the rate,
 * nor where the time is over.
 */
async function withSecondTry<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  clock = systemClock,
): Promise<T> {
  const isOver = () => signal.aborted
  try {
    return await untilAborted(work(signal), signal)
  } catch (error) {
    if (!(error instanceof RegistryError && error.transient) || error.limitsRate || isOver()) throw error
    await clock.wait(PAUSE_MS)
    if (isOver()) throw error
    return await untilAborted(work(signal), signal)
  }
}

/** What went wrong, as the health of a service counts it. */
function failureIn(error: unknown, signal: AbortSignal, deadlineMs: number): Failure {
  if (signal.aborted) return { cause: 'late', text: `no response within ${Math.round(deadlineMs / 1000)} s` }
  const text = error instanceof RegistryError ? textOf(error) : describe(error)
  return { cause: causeOf(error, text), text }
}

/** What a registry that is well doesn't do is for the user to mend. */
function textOf({ message, hint, transient, refuses }: RegistryError): string {
  return hint === undefined || transient || refuses ? message : `${message} ${hint}`
}

function causeOf(error: unknown, text: string): Cause {
  if (saysDiskFull(text)) return 'disk-full'
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing-path'
  if (!(error instanceof RegistryError)) return 'service'
  if (error.limitsRate) return 'rate-limit'
  if (error.transient) return 'network'
  return error.refuses ? 'denied' : 'service'
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stop = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const give = () => {
      reject(new Error('the time is over'))
    }
    if (signal.aborted) give()
    signal.addEventListener('abort', give, { signal: stop.signal })
  })
  work.catch(() => undefined)
  aborted.catch(() => undefined)
  try {
    return await Promise.race([work, aborted])
  } finally {
    stop.abort()
  }
}
