import type { Cause, Operation, Outcome, Question, Failure } from './entries.js'
import { parseObject } from '../../lib/json.js'
import { saysDiskFull } from '../errors.js'

/** One HTTP answer that came during an operation. */
export interface Reply {
  /** `service` for the cache service itself, `blob` for where the archives lie. */
  readonly from: 'service' | 'blob'
  readonly status: number
}

/** What was seen of one operation of @actions/cache. */
export interface Observed {
  /** What the function returned. */
  readonly value?: string | number | undefined
  /** The message of what it threw. */
  readonly error?: string
  /** What it wrote, as `keepLine()` has kept it. */
  readonly lines: readonly string[]
  readonly replies: readonly Reply[]
}

const MAX_TEXT = 300

const CAUSES: readonly (readonly [pattern: RegExp, cause: Cause])[] = [
  [/rate limit/i, 'rate-limit'],
  [/cache (read|write) denied|(restore|save) skipped: the effective cache-mode|\(40[13]\)|with 40[13]/, 'denied'],
  [/^(Path Validation Error|ENOENT)/, 'missing-path'],
  [/\(5\d\d\)|with 5\d\d|valid JSON|Failed request/, 'service'],
  [
    /\b(ECONN\w+|ENOTFOUND|EAI_AGAIN|EPIPE|E\w+UNREACH|ETIMEDOUT)\b|aborted|Premature close|socket hang up|Incomplete download|timed? ?out/i,
    'network',
  ],
]

/**
 * One line of what the library or its tar writes, if it says anything about failure: the name of a workflow command and its
 * escapes are taken off. What the library swallows it writes, and nothing else tells.
 */
export function keepLine(line: string): string | undefined {
  const [, command, text = ''] = /^(?:::(\w+)(?: [^:]*)?::)?(.*)$/.exec(line.trimEnd()) ?? []
  const plain = text.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%')
  if (command === 'warning' || command === 'error') return plain
  if (command === undefined && saysDiskFull(plain)) return plain
  return /^(Failed to (restore|save|reserve)|Cache (restore|save) skipped)/.test(plain) ? plain : undefined
}

/** What became of an operation, from everything that was seen of it. */
export function judge({ op }: Pick<Question, 'op'>, observed: Observed): Outcome {
  const { value, error, lines } = observed
  const failed =
    error !== undefined || lines.some((line) => /Failed to (restore|save)|skipped: the effective/.test(line))
  if (op !== 'store') {
    if (typeof value === 'string') return { found: value }
    return failed ? { failure: explain(op, observed) } : {}
  }
  // By v1 an id comes also where the upload failed.
  if (typeof value === 'number' && value >= 0 && !failed) return { stored: 'stored' }
  if (isTaken(observed)) return { stored: 'taken' }
  return { stored: 'failed', failure: explain(op, observed) }
}

/**
 * The library says "another job may be creating this cache" for every failure of a reservation; only the service's own
 * answer tells. `Response was not ok` is what it makes of a refusal without a reason, which means the same.
 */
function isTaken({ lines, replies }: Observed): boolean {
  if (!lines.some((line) => line.includes('Unable to reserve cache'))) return false
  const last = replies.findLast(({ from }) => from === 'service')?.status
  return last === 409 || lines.some((line) => /already exists|: Response was not ok/.test(line))
}

function explain(op: Operation, { error, lines, replies }: Observed): Failure {
  const all = error === undefined ? lines : [...lines, error]
  const said = all.findLast((line) => /^Failed to (restore|save)|skipped/.test(line)) ?? all.at(-1)
  // "Another job may be creating this cache" hides the reason, which stands in the line before.
  const reason =
    all.find((line) => line.includes('rate limit will reset')) ??
    all.find((line) => line.startsWith('Failed to reserve cache: ')) ??
    said ??
    `${op} failed`
  // Such an answer is taken for the archive, and what fails is only tar.
  const refused = replies.find(({ from, status }) => from === 'blob' && status >= 400)
  if (op !== 'store' && refused !== undefined) {
    return { cause: causeOf([], replies), text: `status ${refused.status} instead of the archive` }
  }
  return { cause: causeOf([...all, reason], replies), text: oneLine(reason) }
}

function causeOf(texts: readonly string[], replies: readonly Reply[]): Cause {
  const statuses = replies.map(({ status }) => status)
  if (statuses.includes(429)) return 'rate-limit'
  if (texts.some(saysDiskFull)) return 'disk-full'
  const named = CAUSES.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1]
  if (named !== undefined) return named
  if (replies.some(({ from, status }) => from === 'service' && (status === 401 || status === 403))) return 'denied'
  return statuses.some((status) => status >= 400) ? 'service' : 'other'
}

/** What an error of the service says, of its JSON; '' for any other. */
function wordsIn(json: string): string {
  const { msg, message, error } = parseObject(json)
  return [msg, message, error].find((text) => typeof text === 'string') ?? ''
}

/**
 * Without what only the library says, without the bodies of answers but for the words in them, and without the queries of
 * URLs, which sign them.
 */
function oneLine(text: string): string {
  const line = text
    .replace(/^Failed to (restore|save|reserve cache): (Error: )?/, '')
    .replace(/(<!doctype html|<html)\b[^]*$/i, '')
    .replace(/\{[^]*\}/, wordsIn)
    .replaceAll(/\?\S+/g, '?…')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .replace(/[\s:]+$/, '')
    .trim()
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line
}
