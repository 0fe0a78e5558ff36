import { UserError } from '../errors.js'
import { commitOf, describeEvent, globalExpressions, refOf, shortCommitOf, type NameContext } from './ref-context.js'
import { isOnly, render, type Expressions } from './template.js'
import type { Flavor } from './flavor.js'
import { quote } from '../lib/quote.js'
import type { Rule } from './tag-rules.js'
import { readVersion, schemeNames, type Version } from './version.js'

/** What a rule gives on an event: a text that a tag is made of, or why there is none. */
export type Outcome = Given | Nothing

export interface Given extends FoundText {
  /** What the text has before and behind its own. */
  readonly prefix: string
  readonly suffix: string
}

/** What the event has for a rule. */
interface FoundText {
  /** Any characters. */
  readonly text: string
  /** Whether it is about a release that is final, so that `latest` may follow it. */
  readonly final: boolean
  /** The release, where it has a version. */
  readonly version?: Version
  /** Whether what `match` says wasn't found, so that the version is all of the text. Absent mostly. */
  readonly unmatched?: boolean
}

interface Nothing {
  readonly why: string
  /** It would have given one for an event of another kind. */
  readonly isOfOtherEvent: boolean
}

type Type<T extends Rule['type']> = Extract<Rule, { readonly type: T }>

/**
 * Applies a rule to an event.
 *
 * @throws UserError when one of its templates can't be rendered
 */
export function applyRule(rule: Rule, flavor: Flavor, context: NameContext): Outcome {
  const expressions = globalExpressions(context)
  const enabled = render(rule.enable, expressions)
  if (enabled !== 'true' && enabled !== 'false') {
    throw new UserError(`enable is ${quote(enabled)}`, 'Allowed are true and false.')
  }
  if (enabled === 'false') return nothing('it is disabled by enable=false')
  const found = findText(rule, context, expressions)
  if ('why' in found) return found
  const prefix = rule.prefix === undefined ? flavor.prefix.text : render(rule.prefix, expressions)
  const suffix = rule.suffix === undefined ? flavor.suffix.text : render(rule.suffix, expressions)
  const text = `${prefix}${found.text}${suffix}`
  return text === '' ? nothing('its value is empty') : { ...found, text, prefix, suffix }
}

function findText(rule: Rule, context: NameContext, expressions: Expressions): FoundText | Nothing {
  switch (rule.type) {
    case 'schedule':
      if (context.eventName !== 'schedule') return wrongEvent(context, 'a schedule')
      return { text: render(rule.pattern, expressions), final: false }
    case 'semver':
    case 'pep440':
      return applyVersion(rule, context, expressions)
    case 'match':
      return applyMatch(rule, context, expressions)
    case 'edge':
      return applyEdge(rule, context)
    case 'ref':
      return applyRef(rule, context)
    case 'raw':
      return { text: render(rule.value, expressions), final: false }
    case 'sha': {
      const text = rule.format === 'long' ? commitOf(context) : shortCommitOf(context)
      return text === '' ? nothing('the event has no commit') : { text, final: false }
    }
  }
}

function applyVersion(
  rule: Type<'semver' | 'pep440'>,
  context: NameContext,
  expressions: Expressions,
): FoundText | Nothing {
  const source = sourceOf(rule.value, context, expressions)
  if (source === undefined) return wrongEvent(context, 'a tag, and the rule has no value')
  const found = rule.match?.exec(source)
  const text = (found?.[1] ?? found?.[0] ?? source).replaceAll('/', '-')
  const version = readVersion(rule.type, text)
  if (version === undefined) {
    const other = rule.match !== undefined && !found ? `${rule.match.source} does not match and ` : ''
    return nothing(`${other}${quote(text)} is not a ${schemeNames[rule.type]}`)
  }
  if (!version.stable) {
    return { text: isOnly(rule.pattern, 'raw') ? version.raw : version.version, final: false, version }
  }
  const { raw, major, minor, patch } = version
  const parts = Object.entries({ raw, version: version.version, major, minor, patch })
  const unmatched = rule.match !== undefined && !found
  return { text: render(rule.pattern, new Map([...parts, ...expressions])), final: true, version, unmatched }
}

function applyMatch(rule: Type<'match'>, context: NameContext, expressions: Expressions): FoundText | Nothing {
  const source = sourceOf(rule.value, context, expressions)
  if (source === undefined) return wrongEvent(context, 'a tag, and the rule has no value')
  const found = rule.pattern.exec(source)
  if (found === null) return nothing(`${rule.pattern.source} does not match ${quote(source)}`)
  const text = found[rule.group]
  if (text === undefined) return nothing(`${rule.pattern.source} has no group ${rule.group} in ${quote(source)}`)
  return release(text)
}

function applyEdge(rule: Type<'edge'>, context: NameContext): FoundText | Nothing {
  const { kind, name } = refOf(context)
  const branch = rule.branch === '' ? context.defaultBranch : rule.branch
  if (kind === 'branch' && name === branch) return { text: 'edge', final: false }
  return branch === undefined
    ? nothing('the default branch is not known')
    : wrongEvent(context, `the branch ${quote(branch)}`)
}

const refKinds = { branch: 'branch', tag: 'tag', pr: 'pull' } as const
const refNames = { branch: 'a branch', tag: 'a tag', pr: 'a pull request' } as const

function applyRef(rule: Type<'ref'>, context: NameContext): FoundText | Nothing {
  const { kind, name } = refOf(context)
  if (kind !== refKinds[rule.event]) return wrongEvent(context, refNames[rule.event])
  return kind === 'tag' ? release(name) : { text: name, final: false }
}

/** A text that stands for a release; its version is what it can be read as. */
function release(text: string): FoundText {
  const version = readVersion('semver', text) ?? readVersion('pep440', text)
  return { text, final: true, ...(version !== undefined && { version }) }
}

/** What a rule about tags looks at: its value, else the tag that was pushed. */
function sourceOf(value: string, context: NameContext, expressions: Expressions): string | undefined {
  if (value !== '') return render(value, expressions)
  const { kind, name } = refOf(context)
  return kind === 'tag' ? name : undefined
}

function wrongEvent(context: NameContext, wanted: string): Nothing {
  return { why: `${describeEvent(context)} is not ${wanted}`, isOfOtherEvent: true }
}

function nothing(why: string): Nothing {
  return { why, isOfOtherEvent: false }
}
