import { type CallName, goesToBlobStore } from './cache-service-calls.js'
import { failure, type Reply, text } from './cache-service-replies.js'

/** Faults that let the service do its work and spoil what goes over the line. */
export type BodyFault =
  /** The connection ends after half of the archive that comes up, or of whatever is answered. */
  | 'cut'
  /** GetBlob: half of it, under a length that says that this is all. */
  | 'truncate'
  /** As `cut`, but the connection stays open and silent for so many ms. */
  | { readonly stall: number }
  /** GetBlob: all bits of the byte at this offset of the archive are turned over. */
  | { readonly flip: number }

export type Answer =
  | BodyFault
  /** This status instead of doing it; the body is the usual one for it unless told. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** No answer for so many ms, then the connection ends. Nothing is done. */
  | { readonly hang: number }
  /** Blob store: the signed URL is too old. */
  | 'expired'
  /** Blob store: there is no such blob. */
  | 'gone'
  /** 200 and a page that is not JSON. */
  | 'garbage'

/** One scripted fault: what becomes of the first `times` requests that fit all that is given. */
export interface Fault {
  readonly call?: CallName
  readonly method?: string
  /** Without host and query. */
  readonly path?: RegExp
  /** The key that is asked for or saved; for a lookup, any of its keys. */
  readonly key?: RegExp
  /** Default: every time. */
  readonly times?: number
  readonly answer: Answer
}

export interface ScriptedFault {
  /** How many requests it has met. */
  readonly hits: number
  end(): void
}

/** What a fault is compared with. */
export interface Request {
  readonly call: CallName
  readonly method: string
  readonly path: string
  readonly keys: readonly string[]
  /** The first and the last byte of the archive that a download is about. */
  readonly range: readonly [number, number] | undefined
}

export class FaultScript {
  readonly #faults = new Set<{ readonly fault: Fault; hits: number }>()

  add(fault: Fault): ScriptedFault {
    const one = { fault, hits: 0 }
    this.#faults.add(one)
    return {
      get hits() {
        return one.hits
      },
      end: () => {
        this.#faults.delete(one)
      },
    }
  }

  /** The first fault that fits; that counts as one of its times. */
  take(request: Request): Answer | undefined {
    const found = [...this.#faults].find(({ fault, hits }) => hits < (fault.times ?? Infinity) && fits(fault, request))
    if (found === undefined) return undefined
    found.hits += 1
    return found.fault.answer
  }
}

function fits({ call, method, path, key, answer }: Fault, request: Request): boolean {
  return (
    (call === undefined || call === request.call) &&
    (method === undefined || method === request.method) &&
    (path === undefined || path.test(request.path)) &&
    (key === undefined || request.keys.some((one) => key.test(one))) &&
    canMeet(answer, request)
  )
}

/** A fault that makes no sense for a call passes it by, so that none of its times is lost. */
function canMeet(answer: Answer, { call, range }: Request): boolean {
  if (answer === 'expired' || answer === 'gone') return goesToBlobStore(call)
  if (answer === 'truncate') return call === 'GetBlob'
  if (typeof answer === 'object' && 'flip' in answer) {
    return call === 'GetBlob' && range !== undefined && range[0] <= answer.flip && answer.flip <= range[1]
  }
  return true
}

/** The answer that stands in for the service's own; undefined for a fault that is none such. */
export function scriptedReply(call: CallName, answer: Answer | undefined): Reply | undefined {
  if (answer === 'expired') return failure(call, 403, 'Signature not valid in the specified time frame')
  if (answer === 'gone') return failure(call, 404, 'The specified blob does not exist.')
  if (answer === 'garbage') return text(200, 'text/html', '<html><body>Sign in to continue</body></html>')
  if (typeof answer !== 'object' || !('status' in answer)) return undefined
  const { status, headers, body } = answer
  const usual = failure(call, status, `scripted ${status}`)
  const reply = body === undefined ? usual : text(status, 'application/json', body)
  return { ...reply, headers: { ...reply.headers, ...headers } }
}
