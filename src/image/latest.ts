import type { Latest } from './flavor.js'
import type { Given } from './outcome.js'
import type { Rule } from './rule.js'
import { dashed } from './tag.js'
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
  const stay = (why: string): LatestMove => ({ moves: false, note: `latest stays where it is: ${why}` })
  const { version } = given
  if (version === undefined) return stay('the tag is not a version')
  if (!version.stable) return stay(`${version.raw} is not a final release`)
  if (existing === undefined) return stay('the tags that exist are not known')
  const higher = higherThan(version, versionTexts(rule, given, existing))
  return higher === undefined ? { moves: true } : stay(`${higher} is higher than ${version.raw}`)
}

/** What of the tags may be a version of this product: all of a tag, or what the rule would put between its affixes. */
function versionTexts(rule: Rule, { prefix, suffix }: Given, existing: readonly string[]): string[] {
  const match = rule.type === 'semver' || rule.type === 'pep440' ? rule.match : undefined
  // Git's tags have what the rule matches; where several products share the repository, the other tags are not of this.
  const matched = match === undefined ? [] : existing.map((tag) => match.exec(tag)).filter((found) => found !== null)
  if (matched.length > 0) return matched.map((found) => found[1] ?? found[0])
  const [front, back] = [dashed(prefix), dashed(suffix)]
  return existing.flatMap((tag) => {
    const between =
      tag.startsWith(front) && tag.endsWith(back) ? tag.slice(front.length, tag.length - back.length) : tag
    return between === tag ? [tag] : [tag, between]
  })
}
