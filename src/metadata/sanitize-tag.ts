import { createHash } from 'node:crypto'

const longest = 128
const hashDigits = 8

export interface Tag {
  readonly name: string
  /** What was done beyond a dash for characters that no tag has; undefined when nothing was. */
  readonly change?: string
}

/**
 * Makes a tag that every registry takes of any text: a dash for each run of characters that a tag can't have, nothing of
 * the dots and dashes in front, and 128 characters at most. A name that is cut ends in a hash of the whole text, so that
 * two long texts don't fall together. Undefined when nothing is left.
 */
export function makeTag(text: string): Tag | undefined {
  const all = dashed(text)
  const name = all.replace(/^[.-]+/, '')
  if (name === '') return undefined
  if (name.length > longest) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, hashDigits)
    return {
      name: `${name.slice(0, longest - 1 - hashDigits)}-${hash}`,
      change: `shortened from ${name.length} to ${longest} characters, ending in a hash`,
    }
  }
  return name === all ? { name } : { name, change: 'a tag begins with a letter, a digit or an underscore' }
}

/** The text with a dash for each run of characters that a tag can't have. */
export function dashed(text: string): string {
  return text.replace(/[^a-zA-Z0-9._-]+/g, '-')
}
