import { describe } from '../errors.js'
import type { Operation, Failure } from './backends/entries.js'

/** One cause, whoever ran into it: this process, tar, zstd, or the library of the cache service. */
const DISK_FULL = 'The disk is full: part of the cache could not be restored or saved.'

/** What went wrong, as a sentence for a warning; pure. */
export function failureOf(error: unknown): string {
  const text = describe(error)
  return saysDiskFull(text) ? DISK_FULL : text
}

/** Whether a message of Node or of a program is about a full disk; of the last block that fits, tar says how much did. Pure. */
export function saysDiskFull(text: string): boolean {
  return /\bENOSPC\b|\bno space left on device\b|\bWrote only \d+ of \d+ bytes\b/i.test(text)
}

/** What went wrong with a cache service, as a sentence for a warning; pure. */
export function sentenceOf(op: Operation, { cause, text }: Failure): string {
  const what = text.replace(/[\s.]+$/, '')
  switch (cause) {
    case 'rate-limit':
      return `The cache service is rate-limiting this repository: ${what}.`
    case 'denied':
      return op !== 'store'
        ? `The cache service denies this job read access: ${what}.`
        : `The cache service denies this job write access: ${what}. If that is intended, write \`cache-write: never\`.`
    case 'service':
      return `The cache service returned an error: ${what}.`
    case 'network':
      return `The connection to the cache service failed: ${what}.`
    case 'late':
      return `The cache service was too slow: ${what}.`
    case 'ended':
      return `The process that talks to the cache service ${what}.`
    case 'missing-path':
      return `A cache file was missing when it was to be saved: ${what}.`
    case 'disk-full':
      return DISK_FULL
    case 'other':
      return `Could not ${op === 'store' ? 'write to' : 'read from'} the cache service: ${what}.`
  }
}

/** The same of a registry, whose own errors are sentences already; pure. */
export function sentenceOfRegistry(op: Operation, { cause, text }: Failure): string {
  const sentence = /[.!?]$/.test(text) ? text : `${text}.`
  if (cause === 'disk-full') return DISK_FULL
  if (cause === 'late') return `The registry of the cache was too slow: ${sentence}`
  if (cause !== 'denied' || op !== 'store') return sentence
  return `${sentence} If that is intended, write \`cache-write: never\`.`
}
