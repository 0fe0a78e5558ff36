import type { Command } from './command.js'
import { type Dialect, isSpace, trimEnd, trimStart } from './lines.js'

/** A heredoc that a line opens. */
export interface Heredoc {
  /** The line that ends it. */
  readonly name: string
  /** Whether tabs may stand before that (`<<-`). */
  readonly hasDash: boolean
}

const KEYWORDS = new Set(['ADD', 'COPY', 'RUN'])
/** A word that opens one: a file descriptor may stand before the arrows. */
const OPENING = /^[0-9]*<<(-?)([^<]*)$/

/**
 * The heredocs that the line of an instruction opens: as a shell would find them, with the quirks of BuildKit's lexer,
 * which is Buildah's too.
 */
export function heredocsOf(line: string): Heredoc[] {
  return line.includes('<<') ? (shellWords(line, true) ?? []).flatMap(heredocOf) : []
}

/** Whether an instruction can have heredocs: RUN, COPY and ADD can, but not with a JSON list. */
export function canHaveHeredocs({ keyword, argument }: Command, dialect: Dialect): boolean {
  return KEYWORDS.has(keyword) && !isList(argument, dialect)
}

/**
 * The index behind the line that ends the last of the heredocs whose text begins at `from`; undefined where one has no
 * end, which both engines refuse.
 */
export function endOf(heredocs: readonly Heredoc[], physical: readonly string[], from: number): number | undefined {
  let next = from
  for (const { name, hasDash } of heredocs) {
    const isEnd = (line: string) => trimEnd(hasDash ? trimStart(line, '\t') : line, '\r') === name
    while (next < physical.length && !isEnd(physical[next] ?? '')) next += 1
    if (next === physical.length) return undefined
    next += 1
  }
  return next
}

/** Whether an argument is a JSON list of texts. Buildah minds nothing that stands behind the list. */
function isList(argument: string, dialect: Dialect): boolean {
  if (!argument.startsWith('[')) return false
  try {
    const list: unknown = JSON.parse(dialect === 'Buildah' ? beginningList(argument) : argument)
    return Array.isArray(list) && list.every((item) => typeof item === 'string')
  } catch {
    return false
  }
}

/** The beginning of a text up to the first `]` that stands in no string. */
function beginningList(text: string): string {
  let isQuoted = false
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (char === '"') isQuoted = !isQuoted
    else if (char === '\\') at += 1
    else if (char === ']' && !isQuoted) return text.slice(0, at + 1)
  }
  return text
}

function heredocOf(word: string): Heredoc[] {
  const [, dash, rest = ''] = OPENING.exec(word) ?? []
  const [name, ...more] = shellWords(trimStart(rest, '\t\n\f\r '), false) ?? []
  return name === undefined || more.length > 0 ? [] : [{ name, hasDash: dash === '-' }]
}

/** The state of the lexer. */
interface Lexer {
  readonly text: string
  /** Whether quotes, and escapes outside of braces, stay in the words. */
  readonly isRaw: boolean
  at: number
  /** The word that has been begun. */
  word: string
  /** How many braces are open. */
  depth: number
}

/** What braces decide for the text in them. */
interface Mode {
  /** Whether the escape character stays. */
  readonly keepsEscapes: boolean
  /** Whether it is a pattern, in which an escape character that is meant as itself is doubled. */
  readonly isPattern: boolean
}

/** A text that the lexer refuses. No word of it counts, so that there is no heredoc in it. */
class Unreadable extends Error {}

/** More open braces than anybody writes: each is a call within another one. */
const MAX_DEPTH = 100
/** The name of a variable, or one of the special ones, which have a single character. */
const NAME = /\p{Nd}+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy

/** The words of a shell's line, undefined where it isn't one. */
function shellWords(text: string, isRaw: boolean): string[] | undefined {
  const lexer = { text: text.replace(/^\uFEFF/, ''), isRaw, at: 0, word: '', depth: 0 }
  const words: string[] = []
  const end = () => {
    if (lexer.word !== '') words.push(lexer.word)
    lexer.word = ''
  }
  try {
    while (lexer.at < lexer.text.length) takePiece(lexer, end)
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
  end()
  return words
}

function takePiece(lexer: Lexer, end: () => void): void {
  const first = lexer.text.charAt(lexer.at)
  const piece = readPiece(lexer, { keepsEscapes: lexer.isRaw, isPattern: false })
  // Blanks in quotes, behind an escape character and behind arrows are part of the word.
  const isWhole = `'"\\<`.includes(first)
  for (const char of piece) {
    if (!isWhole && isSpace(char)) end()
    else lexer.word += char
  }
}

/** What the next character stands for, and what belongs to it. */
function readPiece(lexer: Lexer, mode: Mode): string {
  const char = take(lexer)
  if (char === "'") return singleQuoted(lexer, mode)
  if (char === '"') return doubleQuoted(lexer, mode)
  if (char === '$') return variable(lexer)
  if (char === '<') return arrows(lexer)
  return char === '\\' ? (mode.keepsEscapes ? char : '') + take(lexer) : char
}

function take(lexer: Lexer): string {
  const char = lexer.text.charAt(lexer.at)
  lexer.at += char.length
  return char
}

function singleQuoted(lexer: Lexer, { isPattern }: Mode): string {
  const end = lexer.text.indexOf("'", lexer.at)
  if (end < 0) throw new Unreadable()
  const text = lexer.text.slice(lexer.at, end)
  lexer.at = end + 1
  return quoted(lexer, "'", isPattern ? text.replaceAll('\\', '\\\\') : text)
}

function doubleQuoted(lexer: Lexer, mode: Mode): string {
  let text = ''
  for (let char = take(lexer); char !== '"'; char = take(lexer)) {
    if (char === '') throw new Unreadable()
    if (char === '$') text += variable(lexer)
    else text += char === '\\' ? escapedInQuotes(lexer, mode) : char
  }
  return quoted(lexer, '"', text)
}

function quoted({ isRaw }: Lexer, quote: string, text: string): string {
  return isRaw ? quote + text + quote : text
}

function escapedInQuotes(lexer: Lexer, { keepsEscapes, isPattern }: Mode): string {
  const escaped = lexer.text.charAt(lexer.at)
  if (escaped !== '' && '"$\\'.includes(escaped)) return (keepsEscapes ? '\\' : '') + take(lexer)
  return keepsEscapes && (!lexer.isRaw || isPattern) ? '\\\\' : '\\'
}

/** `<`, or `<<` with the blanks behind it. */
function arrows(lexer: Lexer): string {
  if (lexer.text[lexer.at] !== '<') return '<'
  let text = `<${take(lexer)}`
  while (/[\t\r ]/.test(lexer.text.charAt(lexer.at))) text += take(lexer)
  return text
}

/** What stands behind `$`: no variable has a value here, so that it stays as it is, but for quotes and escapes. */
function variable(lexer: Lexer): string {
  if (lexer.text[lexer.at] !== '{') return `$${variableName(lexer)}`
  lexer.at += 1
  if (/[{}:]/.test(lexer.text[lexer.at] ?? '}')) throw new Unreadable()
  const name = variableName(lexer)
  const operator = take(lexer)
  if (operator === '}') return `\${${name}}`
  if (operator === '/') return `\${${name}${replacement(lexer)}}`
  if (!/[:+\-?#%]/.test(operator)) throw new Unreadable()
  const second = operator === ':' ? take(lexer) : ''
  if (/[#%]/.test(second)) throw new Unreadable()
  const isPattern = /[#%]/.test(operator)
  return `\${${name}${operator}${second}${until('}', lexer, { keepsEscapes: isPattern, isPattern })}}`
}

/** What stands behind the first stroke of `${name/pattern/replacement}`, with that stroke. */
function replacement(lexer: Lexer): string {
  if (lexer.text[lexer.at] === '/') lexer.at += 1
  const pattern = until('/', lexer, { keepsEscapes: true, isPattern: true })
  return `/${pattern}/${until('}', lexer, { keepsEscapes: true, isPattern: false })}`
}

function variableName(lexer: Lexer): string {
  NAME.lastIndex = lexer.at
  const [name = ''] = NAME.exec(lexer.text) ?? []
  lexer.at += name.length
  return name
}

/** The text up to a character. BuildKit's lexer loses what it has of the word before it, and so does this one. */
function until(end: string, lexer: Lexer, mode: Mode): string {
  lexer.depth += 1
  if (lexer.depth > MAX_DEPTH) throw new Unreadable()
  let text = ''
  while (lexer.text[lexer.at] !== end) {
    if (lexer.at === lexer.text.length) throw new Unreadable()
    text += readPiece(lexer, mode)
  }
  lexer.at += 1
  lexer.depth -= 1
  lexer.word = ''
  return text
}
