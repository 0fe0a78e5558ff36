import { posix } from 'node:path'

/** A line of an ignore file that says something. */
export interface IgnorePattern {
  /** In the form that all engines read alike: relative, without a slash at either end, without blanks around it. */
  readonly pattern: string
  /** Whether it takes back what lines before it leave out (`!`). */
  readonly isException: boolean
  /** From 1. */
  readonly line: number
}

/** What every version of every engine takes for nothing but itself, beside `*`, `?`, `.` and `/`. */
const PLAIN = /^[\p{L}\p{N}\p{M} _\-.,/*?@=~%&#:;'"<>!$]*$/u

/** Whether all engines agree on which paths it is about: classes of characters, escapes and the like they read each in a way of its own. Pure. */
export function isPlain({ pattern }: IgnorePattern): boolean {
  // Two stars mean folders as a name of their own alone.
  return PLAIN.test(pattern) && pattern.split('/').every((name) => name === '**' || !name.includes('**'))
}

/** What an ignore file says, read as Docker reads it. Pure. */
export function parseIgnoreFile(text: string): IgnorePattern[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, index) => {
      const written = line.startsWith('#') ? '' : line.trim()
      const isFirst = written.startsWith('!')
      const bare = cleaned(isFirst ? written.slice(1) : written)
      // An exclamation mark may come to stand in front when the slash is gone.
      const isSecond = !isFirst && bare.startsWith('!')
      const pattern = isSecond ? cleaned(bare.slice(1)) : bare
      return pattern === '' ? [] : [{ pattern, isException: isFirst || isSecond, line: index + 1 }]
    })
}

function cleaned(path: string): string {
  const trimmed = path.trim()
  if (trimmed === '') return ''
  return posix
    .normalize(trimmed)
    .replace(/(?<=.)\/$/, '')
    .replace(/^[\s/]+(?=[^\s/])/, '')
    .trim()
}

/** The text of an ignore file with these patterns, as every version of Buildah reads it. Pure. */
export function formatIgnoreFile(patterns: readonly IgnorePattern[]): string {
  // For a text without any, some versions would look for another file; this is the pattern of nothing.
  const lines = patterns.length === 0 ? ['.'] : patterns.map(lineOf)
  return lines.map((line) => `${line}\n`).join('')
}

function lineOf({ pattern, isException }: IgnorePattern): string {
  if (isException) return `!${pattern}`
  return pattern.startsWith('#') ? `./${pattern}` : pattern
}

/** Whether a path, relative to the context, fits a pattern: by itself or with a folder that it is in. Pure. */
export function ignoreMatcher({ pattern }: IgnorePattern): (path: string) => boolean {
  try {
    const expression = new RegExp(`^${expressionOf(pattern)}(/[^\\n]*)?$`, 'u')
    return (path) => expression.test(path)
  } catch {
    // The engine refuses it.
    return () => false
  }
}

/** Whether a path is left out by all of these. Pure. */
export function ignoresBy(patterns: readonly IgnorePattern[]): (path: string) => boolean {
  const rules = patterns.map((pattern) => ({ ...pattern, fits: ignoreMatcher(pattern) }))
  return (path) => rules.findLast(({ fits }) => fits(path))?.isException === false
}

/** What `.*` is in Go, where it doesn't end at other line breaks. */
const ANY = '[^\\n]*'

/** As Go's packages for it have it: what is special in an expression alone stays so. */
function expressionOf(pattern: string): string {
  return pattern.replaceAll(/\*\*\/?$|\*\*\/?|\*|\?|[.$]|\\./gsu, (found, at: number) => {
    if (found.startsWith('**')) return at + found.length === pattern.length ? ANY : `(${ANY}/)?`
    if (found === '*') return '[^/]*'
    if (found === '?') return '[^/]'
    return found.startsWith('\\') ? found : `\\${found}`
  })
}
