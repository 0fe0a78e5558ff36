import { UserError } from '../errors.js'
import { eachOnItsLine, type Field } from './csv-line.js'
import { quote } from '../lib/quote.js'
import type { Scheme } from './version.js'

/** A line of the input `tags` that gives a tag, or none, depending on the event. */
export type Rule = Common & Body

interface Common {
  /** The line it was read from. */
  readonly line: string
  /** A template that gives true or false. */
  readonly enable: string
  /** Rules apply from the highest on. */
  readonly priority: number
  /** Templates; undefined where the flavor's counts. */
  readonly prefix?: string
  readonly suffix?: string
  /** Attributes that mean nothing to a rule of this type. */
  readonly ignored: readonly string[]
}

type Body =
  | { readonly type: 'schedule'; readonly pattern: string }
  | { readonly type: Scheme; readonly pattern: string; readonly value: string; readonly match?: RegExp }
  | { readonly type: 'match'; readonly pattern: RegExp; readonly group: number; readonly value: string }
  | { readonly type: 'edge'; readonly branch: string }
  | { readonly type: 'ref'; readonly event: 'branch' | 'tag' | 'pr' }
  | { readonly type: 'raw'; readonly value: string }
  | { readonly type: 'sha'; readonly format: 'short' | 'long' }

type Type = Body['type']

const ownAttributes: Readonly<Record<Type, readonly string[]>> = {
  schedule: ['pattern'],
  semver: ['pattern', 'value', 'match'],
  pep440: ['pattern', 'value', 'match'],
  match: ['pattern', 'group', 'value'],
  edge: ['branch'],
  ref: ['event'],
  raw: ['value'],
  sha: ['format'],
}

const commonAttributes = ['enable', 'priority', 'prefix', 'suffix']

const priorities: Readonly<Record<Type, number>> = {
  schedule: 1000,
  semver: 900,
  pep440: 900,
  match: 800,
  edge: 700,
  ref: 600,
  raw: 200,
  sha: 100,
}

/** The rules that apply where the input `tags` says nothing. */
export const defaultRules = ['type=schedule', 'type=ref,event=branch', 'type=ref,event=tag', 'type=ref,event=pr']

/**
 * Reads the fields of one line; without a type it is `type=raw`, and a field without a name is its value.
 *
 * @throws UserError that says what of it is wrong and what is allowed
 */
export function parseRule(line: string, fields: readonly Field[]): Rule {
  const attributes = new Map<string, string>()
  const bare = fields.filter(({ name }) => name === undefined).map(({ value }) => value)
  if (bare.length > 1) throw new UserError(`there are ${bare.length} tags`, eachOnItsLine('tags', bare))
  for (const { name = 'value', value } of fields) {
    if (attributes.has(name)) throw new UserError(`${quote(name)} appears twice`, 'Write one tag or rule per line.')
    attributes.set(name, value)
  }
  const type = readType(attributes.get('type') ?? 'raw')
  const names = [...attributes.keys()].filter((name) => name !== 'type')
  const unknown = names.find((name) => !commonAttributes.includes(name) && !anyHas(name))
  if (unknown !== undefined) {
    throw new UserError(`the attribute ${quote(unknown)} is unknown`, `Allowed are ${allowedFor(type)}.`)
  }
  const isOff = attributes.get('enable') === 'false'
  // What an empty variable leaves is no mistake where the same condition disables the rule.
  if (isOff) for (const [name, value] of attributes) if (value === '') attributes.delete(name)
  const body = readBody(type, attributes, isOff)
  const prefix = attributes.get('prefix') ?? defaultPrefix(body)
  const suffix = attributes.get('suffix')
  return {
    line,
    enable: attributes.get('enable') ?? 'true',
    priority: readPriority(attributes.get('priority') ?? String(priorities[type])),
    ...(prefix !== undefined && { prefix }),
    ...(suffix !== undefined && { suffix }),
    ignored: names.filter((name) => !commonAttributes.includes(name) && !ownAttributes[type].includes(name)),
    ...body,
  }
}

function readType(text: string): Type {
  if (isType(text)) return text
  throw new UserError(`the type ${quote(text)} is unknown`, `Allowed are ${Object.keys(ownAttributes).join(', ')}.`)
}

function isType(text: string): text is Type {
  return Object.hasOwn(ownAttributes, text)
}

function anyHas(name: string): boolean {
  return Object.values(ownAttributes).some((names) => names.includes(name))
}

function allowedFor(type: Type): string {
  return [...ownAttributes[type], ...commonAttributes].join(', ')
}

/** @param isOff it never applies, and may lack what it needs */
function readBody(type: Type, attributes: ReadonlyMap<string, string>, isOff: boolean): Body {
  const need = (name: string, otherwise = ''): string => {
    const value = attributes.get(name) ?? (isOff ? otherwise : undefined)
    if (value !== undefined) return value
    throw new UserError(`the attribute ${name} is missing`, `Write type=${type},${example[type]}.`)
  }
  const value = attributes.get('value') ?? ''
  switch (type) {
    case 'schedule':
      return { type, pattern: attributes.get('pattern') ?? 'nightly' }
    case 'semver':
    case 'pep440': {
      const match = attributes.get('match') ?? ''
      return { type, pattern: need('pattern'), value, ...(match !== '' && { match: readRegExp('match', match) }) }
    }
    case 'match':
      return { type, pattern: readPattern(need('pattern')), group: readGroup(attributes.get('group') ?? '0'), value }
    case 'edge':
      return { type, branch: attributes.get('branch') ?? '' }
    case 'ref':
      return { type, event: readOne('event', need('event', 'branch'), ['branch', 'tag', 'pr']) }
    case 'raw':
      return { type, value: need('value') }
    case 'sha':
      return { type, format: readOne('format', attributes.get('format') ?? 'short', ['short', 'long']) }
  }
}

const example: Readonly<Record<Type, string>> = {
  schedule: 'pattern=nightly',
  semver: 'pattern={{version}}',
  pep440: 'pattern={{version}}',
  match: 'pattern=v(.*),group=1',
  edge: 'branch=main',
  ref: 'event=branch',
  raw: 'value=1.2.3',
  sha: 'format=short',
}

function defaultPrefix(body: Body): string | undefined {
  if (body.type === 'sha') return 'sha-'
  return body.type === 'ref' && body.event === 'pr' ? 'pr-' : undefined
}

function readOne<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value)
  if (found !== undefined) return found
  throw new UserError(`${name} is ${quote(value)}`, `Allowed are ${allowed.join(', ')}.`)
}

function readPriority(text: string): number {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text)
  throw new UserError(`priority is ${quote(text)}`, 'Write a number, such as priority=900.')
}

function readGroup(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new UserError(`group is ${quote(text)}`, 'Write the number of a group of the pattern, 0 for the whole match.')
}

/** `/…/flags`, or the expression alone. The flags g and y only make sense for a second search. */
function readPattern(text: string): RegExp {
  const found = /^\/(.+)\/(.*)$/s.exec(text)
  return found === null
    ? readRegExp('pattern', text)
    : readRegExp('pattern', found[1] ?? '', (found[2] ?? '').replace(/[gy]/g, ''))
}

function readRegExp(name: string, source: string, flags = ''): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (error) {
    throw new UserError(
      `${name} is not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
      `A field with a comma in it is quoted whole: "${name}=v(\\d{1,3})".`,
    )
  }
}
