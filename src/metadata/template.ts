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
      `Known here are ${[...expressions.keys()].join(', ')}. Braces that are text are written \\{{.`,
    )
  }
  if (typeof expression === 'function') return expression(call)
  if (call.argument !== undefined || call.options.size > 0) {
    throw new UserError(`the expression {{${call.name}}} takes nothing behind its name`, `Write {{${call.name}}}.`)
  }
  return expression
}

function parse(template: string): (string | Call)[] {
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
    if (found.backslashes === 2) text += '\\'
    if (text !== '') parts.push(text)
    text = ''
    const { call, end } = readCall(template, found.braces)
    parts.push(call)
    at = end
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

function readCall(template: string, open: number): { call: Call; end: number } {
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
  if (name === undefined) throw unreadable(template, open)
  let argument: string | undefined
  const options = new Map<string, string>()
  for (;;) {
    const space = take(/\s*/y)?.[0] ?? ''
    if (template.startsWith(close, at)) break
    const found = take(/(?:([a-z_]\w*)=)?(?:'([^']*)'|"([^"]*)")/iy)
    const value = found?.[2] ?? found?.[3]
    if (space === '' || value === undefined) throw unreadable(template, open)
    const key = found?.[1]
    if (key !== undefined && !options.has(key)) options.set(key, value)
    else if (key === undefined && argument === undefined) argument = value
    else throw unreadable(template, open)
  }
  return { call: { name, options, ...(argument !== undefined && { argument }) }, end: at + braces }
}

function unreadable(template: string, open: number): UserError {
  const close = template.indexOf('}}', open)
  const piece = template.slice(open, close < 0 ? undefined : close + 2)
  return new UserError(
    `the expression ${quote(piece)} can't be read`,
    `An expression is {{name}}, or {{date 'YYYYMMDD' tz='Europe/Paris'}} with quotes around each text.`,
  )
}
