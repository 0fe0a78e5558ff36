import type { Latest } from './flavor.js'
import type { Given } from './apply-rule.js'
import type { Rule } from './tag-rules.js'
import { dashed } from './sanitize-tag.js'
import { higherThan } from './version.js'

/** Whether `latest` is one of the image's tags, and what there is to say about it. */
export interface LatestMove {
  readonly moves: boolean
  readonly note?: string
}

/**
 * Decides about `latest` by the first rule that gave a tag.
 *
 * @param existing the tags that the registry or Git has, for `highest`
 */
export function decideLatest(latest: Latest, rule: Rule, given: Given, existing?: readonly string[]): LatestMove {
  switch (latest) {
    case 'true':
      return { moves: true }
    case 'false':
      return { moves: false }
    case 'auto':
      return { moves: given.final }
    case 'highest':
      return given.final ? decideHighest(rule, given, existing) : { moves: false }
  }
}

function decideHighest(rule: Rule, given: Given, existing: readonly string[] | undefined): LatestMove {
  const stay = (why: string): LatestMove => ({ moves: false, note: `latest is not moved: ${why}` })
  const { version } = given
  if (version === undefined) return stay('the tag is not a version')
  if (!version.stable) return stay(`${version.raw} is not a final release`)
  if (existing === undefined) return stay('the existing tags are not known')
  const higher = higherThan(version, versionTexts(rule, given, existing))
  return higher === undefined ? { moves: true } : stay(`${higher} is higher than ${version.raw}`)
}

/**
 * What of the tags may be a version of this product: what the rule finds in those that it matches, and in no other;
 * without an expression all of a tag, or what the rule would put between its affixes.
 */
function versionTexts(rule: Rule, { prefix, suffix, unmatched }: Given, existing: readonly string[]): string[] {
  const find = finderOf(rule)
  if (find !== undefined && unmatched !== true) return existing.map(find).filter((text) => text !== undefined)
  const [front, back] = [dashed(prefix), dashed(suffix)]
  // What the rule matches is of another product then.
  const others = existing.filter((tag) => find?.(tag) === undefined)
  return others.flatMap((tag) => {
    const between =
      tag.startsWith(front) && tag.endsWith(back) ? tag.slice(front.length, tag.length - back.length) : tag
    return between === tag ? [tag] : [tag, between]
  })
}

/** What a rule with an expression would take from a tag; undefined where it has none. */
function finderOf(rule: Rule): ((tag: string) => string | undefined) | undefined {
  if (rule.type === 'match') return (tag) => rule.pattern.exec(tag)?.[rule.group]
  const match = rule.type === 'semver' || rule.type === 'pep440' ? rule.match : undefined
  if (match === undefined) return undefined
  return (tag) => {
    const found = match.exec(tag)
    return found?.[1] ?? found?.[0]
  }
}
