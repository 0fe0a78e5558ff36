import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'

/** One `{{name 'argument' key='value'}}`. */
export interface Call {
  readonly name: string
  readonly argument?: string
  readonly options: ReadonlyMap<string, string>
}

/** What a template may name: a text, or a function of the call's argument and options. */
export type Expressions = ReadonlyMap<string, string | ((call: Call) => string)>

/**
 * Puts the expressions of a template in, as text: what comes out is not read again, so that a name from outside is never
 * an expression. `{{{name}}}` is the same as `{{name}}`; `\{{` stands for two braces and `\\{{` for a backslash before
 * an expression.
 *
 * @throws UserError that shows the expression, when it is unknown or can't be read
 */
export function render(template: string, expressions: Expressions): string {
  return parse(template)
    .map((part) => (typeof part === 'string' ? part : evaluate(part, expressions)))
    .join('')
}

/**
 * The same for a text that may have been written for something else: braces that are no known expression stay as they are.
 *
 * @returns the text, and each piece that stayed
 * @throws UserError for a known expression that can't be evaluated
 */
export function renderKnown(
  template: string,
  expressions: Expressions,
): { readonly text: string; readonly left: readonly string[] } {
  const left: string[] = []
  const parts = parse(template, (open) => {
    const found = findCall(template, open)
    if (found !== undefined && expressions.has(found.call.name)) return found
    left.push(pieceAt(template, open))
    return undefined
  })
  const texts = parts.map((part) => (typeof part === 'string' ? part : evaluate(part, expressions)))
  return { text: texts.join(''), left }
}

/** True for a template that is the one expression `{{name}}` and nothing else. */
export function isOnly(template: string, name: string): boolean {
  const parts = parse(template)
  const [part] = parts
  return parts.length === 1 && typeof part === 'object' && part.name === name && part.argument === undefined
}

/** True when the text has the beginning of an expression in it. */
export function hasExpression(text: string): boolean {
  return text.includes('{{')
}

function evaluate(call: Call, expressions: Expressions): string {
  const expression = expressions.get(call.name)
  if (expression === undefined) {
    throw new UserError(
      `the expression {{${call.name}}} is unknown`,
      `Known here are ${[...expressions.keys()].join(', ')}. Write literal braces as \\{{.`,
    )
  }
  if (typeof expression === 'function') return expression(call)
  if (call.argument !== undefined || call.options.size > 0) {
    throw new UserError(`the expression {{${call.name}}} takes nothing after its name`, `Write {{${call.name}}}.`)
  }
  return expression
}

interface Placed {
  readonly call: Call
  /** Behind its braces. */
  readonly end: number
}

/** @param read the expression whose braces open there; undefined where they are text */
function parse(
  template: string,
  read: (open: number) => Placed | undefined = (open) => readCall(template, open),
): (string | Call)[] {
  const parts: (string | Call)[] = []
  let text = ''
  let at = 0
  for (let found = opening(template, at); found !== undefined; found = opening(template, at)) {
    text += template.slice(at, found.start)
    if (found.backslashes === 1) {
      text += '{{'
      at = found.braces + 2
      continue
    }
    const placed = read(found.braces)
    at = placed?.end ?? found.braces + 2
    if (placed === undefined) {
      text += template.slice(found.start, at)
      continue
    }
    if (found.backslashes === 2) text += '\\'
    if (text !== '') parts.push(text)
    text = ''
    parts.push(placed.call)
  }
  text += template.slice(at)
  return text === '' ? parts : [...parts, text]
}

/** Where the next braces are, and the backslashes (two at most) before them. */
function opening(template: string, from: number): { start: number; backslashes: number; braces: number } | undefined {
  const pattern = /(\\{0,2})\{\{/g
  pattern.lastIndex = from
  const found = pattern.exec(template)
  if (found === null) return undefined
  const backslashes = found[1]?.length ?? 0
  return { start: found.index, backslashes, braces: found.index + backslashes }
}

function readCall(template: string, open: number): Placed {
  const found = findCall(template, open)
  if (found !== undefined) return found
  throw new UserError(
    `the expression ${quote(pieceAt(template, open))} can't be read`,
    `An expression is {{name}}, or {{date 'YYYYMMDD' tz='Europe/Paris'}} with quotes around each text.`,
  )
}

/** Undefined where what the braces hold has not the form of an expression. */
function findCall(template: string, open: number): Placed | undefined {
  const braces = template.startsWith('{{{', open) ? 3 : 2
  const close = '}'.repeat(braces)
  let at = open + braces
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(template)
    at += found?.[0].length ?? 0
    return found ?? undefined
  }
  take(/\s*/y)
  const name = take(/[a-z_]\w*/iy)?.[0]
  if (name === undefined) return undefined
  let argument: string | undefined
  const options = new Map<string, string>()
  for (;;) {
    const space = take(/\s*/y)?.[0] ?? ''
    if (template.startsWith(close, at)) break
    const found = take(/(?:([a-z_]\w*)=)?(?:'([^']*)'|"([^"]*)")/iy)
    const value = found?.[2] ?? found?.[3]
    if (space === '' || value === undefined) return undefined
    const key = found?.[1]
    if (key !== undefined && !options.has(key)) options.set(key, value)
    else if (key === undefined && argument === undefined) argument = value
    else return undefined
  }
  return { call: { name, options, ...(argument !== undefined && { argument }) }, end: at + braces }
}

/** The braces with what they hold, for a message. */
function pieceAt(template: string, open: number): string {
  const close = template.indexOf('}}', open)
  return template.slice(open, close < 0 ? undefined : close + 2)
}
