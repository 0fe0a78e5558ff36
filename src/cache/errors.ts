import { describe } from '../errors.js'
import type { Operation, Failure } from './backends/entries.js'

/** One cause, whoever ran into it: this process, tar, zstd, or the library of the cache service. */
const DISK_FULL = 'The disk is full: not everything of the cache could be used or kept.'

/** What went wrong, as a sentence for a warning; pure. */
export function failureOf(error: unknown): string {
  const text = describe(error)
  return saysDiskFull(text) ? DISK_FULL : text
}

/** Whether a message of Node or of a program is about a full disk; pure. */
export function saysDiskFull(text: string): boolean {
  return /\bENOSPC\b|\bno space left on device\b/i.test(text)
}

/** What went wrong with a cache service, as a sentence for a warning; pure. */
export function sentenceOf(op: Operation, { cause, text }: Failure): string {
  const what = text.replace(/[\s.]+$/, '')
  switch (cause) {
    case 'rate-limit':
      return `The cache service limits the requests of this repository: ${what}.`
    case 'denied':
      return op !== 'store'
        ? `The cache service lets this job read nothing: ${what}.`
        : `The cache service lets this job write nothing: ${what}. Where that is as it should be, write \`cache-write: never\`.`
    case 'service':
      return `The cache service answered with an error: ${what}.`
    case 'network':
      return `The connection to the cache service broke: ${what}.`
    case 'late':
      return `The cache service was too slow: ${what}.`
    case 'ended':
      return `The process that talks to the cache service ${what}.`
    case 'missing-path':
      return `A file of the cache was not there when it was to be stored: ${what}.`
    case 'disk-full':
      return DISK_FULL
    case 'other':
      return `Something could not be ${op === 'store' ? 'written to' : 'read from'} the cache service: ${what}.`
  }
}
