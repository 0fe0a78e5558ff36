import { sentenceOf } from '../errors.js'
import type { Cause, Failure, Operation } from './entries.js'

const FAILURES_IN_A_ROW = 3
/** What says nothing of how the service is. */
const OWN_CAUSES: readonly Cause[] = ['denied', 'missing-path', 'disk-full']

/** What a service has answered so far, and whether it is still worth asking. */
export class ServiceHealth {
  private readonly texts = new Map<Cause, string>()
  /** A login stays what it is: what it refused once isn't asked again. */
  private readonly refused = new Set<'read' | 'write'>()
  private inARow = 0
  private failed = 0
  private stopped: Cause | undefined

  constructor(private readonly tell: typeof sentenceOf) {}

  /** Why nothing more is asked; undefined while it is. */
  get stoppedBy(): Cause | undefined {
    return this.stopped
  }

  /** Requests that failed. */
  get failureCount(): number {
    return this.failed
  }

  allows(op: Operation): boolean {
    return this.stopped === undefined && !this.refused.has(rightFor(op))
  }

  /** Takes what came of a request into account for the next ones. */
  learn(op: Operation, failure: Failure | undefined): void {
    if (failure === undefined) {
      this.inARow = 0
      return
    }
    const { cause } = failure
    this.failed += 1
    if (!this.texts.has(cause)) this.texts.set(cause, this.tell(op, failure))
    if (cause === 'denied') this.refused.add(rightFor(op))
    else if (cause !== 'missing-path') this.inARow += 1
    if (cause === 'rate-limit' || this.inARow >= FAILURES_IN_A_ROW) this.stop(cause)
  }

  stop(cause: Cause): void {
    this.stopped ??= cause
  }

  /** What went wrong, one text a cause, fit for one warning each. */
  failures(): readonly string[] {
    const ofService = [...this.texts.keys()].filter((cause) => !OWN_CAUSES.includes(cause))
    // A service that fails does so in several ways; what has ended it says enough of it.
    const told = this.stopped ?? ofService[0]
    return [...this.texts]
      .filter(([cause]) => OWN_CAUSES.includes(cause) || cause === told)
      .map(([cause, text]) => (cause === this.stopped ? `${text} The rest of this run doesn't use it.` : text))
  }
}

function rightFor(op: Operation): 'read' | 'write' {
  return op === 'store' ? 'write' : 'read'
}
