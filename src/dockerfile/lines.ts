/**
 * Whose rules a Dockerfile is read by. Buildah's parser has come from an early one of BuildKit; they differ in what is
 * said at `escapeOf`, `takeLine` and `beforeContinuation`, in JSON lists (heredocs.ts) and in flags (command.ts).
 */
export type Dialect = 'BuildKit' | 'Buildah'

/** A Dockerfile of which instructions are taken one after another. */
export interface Lines {
  /** As they stand in the file, without the line feed. */
  readonly physical: readonly string[]
  readonly dialect: Dialect
  readonly escape: string
  /** Index of the first one that wasn't taken yet. */
  next: number
}

/** Physical lines that are one to the parser. */
export interface LogicalLine {
  /** Without comments, continuation characters and line breaks. */
  readonly text: string
  /** Where it begins, from 1. */
  readonly line: number
}

/** What Go calls space: with U+0085, unlike JavaScript, and without U+FEFF. */
const SPACE =
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'
/** What separates words; a space beyond ASCII belongs to a word. */
const BLANK = /[\t\v\f\r ]+/
const DIRECTIVE = /^([a-z][a-z0-9]*)[\t\f\r ]*=[\t\f\r ]*([^]+)$/i
const DIRECTIVES = new Set(['syntax', 'escape', 'check'])
/** Lines end with these, however many. */
const RETURN = '\r'

export function openLines(text: string, dialect: Dialect): Lines {
  const physical = text.replace(/^\uFEFF/, '').split('\n')
  if (physical.at(-1) === '') physical.pop()
  return { physical, dialect, escape: escapeOf(physical, dialect), next: 0 }
}

/** The next line that has something for the parser, undefined at the end. Comments and empty lines stand in none. */
export function nextLine(lines: Lines): LogicalLine | undefined {
  while (lines.next < lines.physical.length) {
    const line = lines.next + 1
    const first = trimStart(takeLine(lines))
    if (first === '' || first.startsWith('#')) continue
    const begun = beforeContinuation(first, lines)
    return { line, text: begun === undefined ? first : begun + continuation(lines) }
  }
  return undefined
}

/** The words of an argument that has no quotes and is no JSON. */
export function splitWords(text: string): string[] {
  return text === '' ? [] : text.split(BLANK)
}

/** The words of an argument: those of a list of texts in JSON, else what blanks separate. */
export function readWords(text: string): { readonly words: readonly string[]; readonly isJson: boolean } {
  try {
    const list: unknown = JSON.parse(text)
    if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return { words: list, isJson: true }
  } catch {
    // It is no JSON.
  }
  return { words: splitWords(text), isJson: false }
}

/** What stands before the first blank, and what behind it. */
export function splitAtBlank(text: string): [first: string, rest: string] {
  const blank = BLANK.exec(text)
  return blank === null ? [text, ''] : [text.slice(0, blank.index), text.slice(blank.index + blank[0].length)]
}

export function isSpace(char: string): boolean {
  return SPACE.includes(char)
}

export function trim(text: string): string {
  return trimStart(trimEnd(text))
}

export function trimStart(text: string, which = SPACE): string {
  let start = 0
  while (start < text.length && which.includes(text.charAt(start))) start += 1
  return text.slice(start)
}

/** A loop: a pattern that ends with `+$` looks at each run of blanks once for every blank in it. */
export function trimEnd(text: string, which = SPACE): string {
  let end = text.length
  while (end > 0 && which.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}

/** The directives of BuildKit at the top of a file by their names in lower case. */
export function directivesOf(physical: readonly string[]): Map<string, string> {
  const directives = new Map<string, string>()
  for (const line of physical) {
    const text = trimStart(line)
    const [, name = '', value = ''] = DIRECTIVE.exec(trimEnd(trimStart(text.slice(1)), '\t\f\r ')) ?? []
    const key = name.toLowerCase()
    // A second one of a name is refused, any other line ends them.
    if (!text.startsWith('#') || !DIRECTIVES.has(key) || directives.has(key)) break
    directives.set(key, value)
  }
  return directives
}

/**
 * The escape character. BuildKit looks for it in all directives, Buildah in the first line alone, so that
 * `# escape` behind `# syntax` means nothing to it. Buildah takes the first character of a longer value, which BuildKit
 * refuses.
 */
function escapeOf(physical: readonly string[], dialect: Dialect): string {
  const directives = directivesOf(physical)
  const [first = ''] = physical
  const value =
    dialect === 'BuildKit'
      ? directives.get('escape')
      : /^#[ \t]*escape[ \t]*=[ \t]*([^\n])/i.exec(trimStart(first))?.[1]
  return value?.startsWith('`') === true ? '`' : '\\'
}

function takeLine(lines: Lines): string {
  const text = lines.physical[lines.next] ?? ''
  lines.next += 1
  // Buildah takes one away. What is left of it can only stand behind a continuation character, which then is none.
  if (lines.dialect === 'Buildah') return text.endsWith(RETURN) ? text.slice(0, -1) : text
  return trimEnd(text, RETURN)
}

/** The lines that continue one: comments and empty ones between them are left out, whatever their indent. */
function continuation(lines: Lines): string {
  let text = ''
  while (lines.next < lines.physical.length) {
    const line = takeLine(lines)
    const visible = trimStart(line)
    if (visible === '' || visible.startsWith('#')) continue
    const begun = beforeContinuation(line, lines)
    if (begun === undefined) return text + line
    text += begun
  }
  return text
}

/**
 * What stands before the continuation character at the end of a line, undefined where there is none. For BuildKit two
 * of them are an escaped one, for Buildah the second continues the line.
 */
function beforeContinuation(line: string, { escape, dialect }: Lines): string | undefined {
  const text = trimEnd(line, ' \t')
  const isEscaped = dialect === 'BuildKit' && text.at(-2) === escape
  return text.endsWith(escape) && !isEscaped ? text.slice(0, -1) : undefined
}
