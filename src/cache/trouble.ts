import { describe } from '../errors.js'

/** One cause, whoever ran into it: this process, tar, zstd, or the library of the cache service. */
export const DISK_FULL = 'The disk is full: not everything of the cache could be used or kept.'

/** What went wrong, as a sentence for a warning; pure. */
export function troubleOf(error: unknown): string {
  const text = describe(error)
  return saysDiskFull(text) ? DISK_FULL : text
}

/** Whether a message of Node or of a program is about a full disk; pure. */
export function saysDiskFull(text: string): boolean {
  return /\bENOSPC\b|\bno space left on device\b/i.test(text)
}
