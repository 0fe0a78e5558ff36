/** One challenge of a server. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** By their names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

/** What a registry asks for. */
export type AuthChallenge =
  | {
      readonly kind: 'bearer'
      /** URL of the token server, unchecked. */
      readonly realm: string
      /** The name by which the registry calls itself. */
      readonly service: string | undefined
    }
  | { readonly kind: 'basic' }

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y
const SEPARATORS = /[\s,]*/y
const EQUALS = /[ \t]*=[ \t]*/y
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y
/** A token68, which Negotiate and others have instead of parameters. */
const TOKEN68 = /[ \t]+[\w.~+/-]+=*(?=[ \t]*(?:,|$))/y

/**
 * Reads `WWW-Authenticate` (RFC 9110, 11.6.1): several challenges can be in one header, behind the same commas that part
 * the parameters of one. What breaks the grammar ends the header there. Pure.
 * @param headers all headers of that name
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap((header) => parseHeader(header))
}

/** Bearer rather than Basic, which is less than a password; undefined where neither is asked for. Pure. */
export function chooseChallenge(headers: readonly string[]): AuthChallenge | undefined {
  const challenges = parseChallenges(headers)
  for (const { scheme, parameters } of challenges) {
    const realm = parameters.get('realm')
    if (scheme === 'bearer' && realm !== undefined) return { kind: 'bearer', realm, service: parameters.get('service') }
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined
}

function parseHeader(header: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = []
  let place = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = place
    const match = pattern.exec(header)
    if (match === null) return undefined
    place = pattern.lastIndex
    return match
  }
  for (;;) {
    take(SEPARATORS)
    const name = take(TOKEN)?.[0].toLowerCase()
    if (name === undefined) return found
    // A name with a value belongs to the challenge before it; one without begins the next.
    if (take(EQUALS) === undefined) {
      found.push({ scheme: name, parameters: new Map() })
      take(TOKEN68)
      continue
    }
    const value = take(QUOTED)?.[1]?.replaceAll(/\\([^])/g, '$1') ?? take(TOKEN)?.[0]
    const last = found.at(-1)
    if (value === undefined || last === undefined) return found
    // The first of a name counts: a second one may not take its place.
    if (!last.parameters.has(name)) last.parameters.set(name, value)
  }
}
