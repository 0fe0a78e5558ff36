/**
 * A version by PEP 440, packaging.python.org/en/latest/specifications/version-specifiers/, in its parts.
 *
 * Numbers are bigints: a date with a time of day is a valid release number.
 */
export interface Pep440 {
  readonly epoch: bigint
  readonly release: readonly bigint[]
  readonly pre?: { readonly phase: 'a' | 'b' | 'rc'; readonly number: bigint }
  readonly post?: bigint
  readonly dev?: bigint
  /** Behind the `+`, in lower case. */
  readonly local?: readonly (string | bigint)[]
}

const grammar = new RegExp(
  [
    /^\s*v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)/,
    /(?:[-_.]?(?<phase>alpha|a|beta|b|preview|pre|c|rc)(?:[-_.]?(?<pre>\d+))?)?/,
    /(?<posted>-(?<implicit>\d+)|[-_.]?(?:post|rev|r)(?:[-_.]?(?<post>\d+))?)?/,
    /(?<developed>[-_.]?dev(?:[-_.]?(?<dev>\d+))?)?/,
    /(?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$/,
  ]
    .map(({ source }) => source)
    .join(''),
  'i',
)

const phases: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
}

/** Reads a version in any spelling that the specification allows; undefined when it is none. */
export function parsePep440(text: string): Pep440 | undefined {
  const found = grammar.exec(text)?.groups as Partial<Record<string, string>> | undefined
  if (found === undefined) return undefined
  const phase = phases[found['phase']?.toLowerCase() ?? '']
  return {
    epoch: BigInt(found['epoch'] ?? 0),
    release: (found['release'] ?? '0').split('.').map(BigInt),
    ...(phase !== undefined && { pre: { phase, number: BigInt(found['pre'] ?? 0) } }),
    ...(found['posted'] !== undefined && { post: BigInt(found['implicit'] ?? found['post'] ?? 0) }),
    ...(found['developed'] !== undefined && { dev: BigInt(found['dev'] ?? 0) }),
    ...(found['local'] !== undefined && { local: found['local'].toLowerCase().split(/[-_.]/).map(localPart) }),
  }
}

/** The normal form: `1!2.0rc1.post2.dev3+ubuntu.1`. */
export function normalForm({ epoch, release, pre, post, dev, local }: Pep440): string {
  return [
    epoch === 0n ? '' : `${epoch.toString()}!`,
    release.join('.'),
    pre === undefined ? '' : `${pre.phase}${pre.number.toString()}`,
    post === undefined ? '' : `.post${post.toString()}`,
    dev === undefined ? '' : `.dev${dev.toString()}`,
    local === undefined ? '' : `+${local.join('.')}`,
  ].join('')
}

/** A final release: no pre-release, post-release or development release. */
export function isFinal({ pre, post, dev }: Pep440): boolean {
  return pre === undefined && post === undefined && dev === undefined
}

/** The order of the specification: below zero when `a` comes first. */
export function comparePep440(a: Pep440, b: Pep440): number {
  return (
    compare(a.epoch, b.epoch) ||
    compareRelease(a.release, b.release) ||
    comparePre(a, b) ||
    // Without a post-release is before, without a development release is behind.
    compare(a.post ?? -1n, b.post ?? -1n) ||
    compareDev(a.dev, b.dev) ||
    compareLocal(a.local, b.local)
  )
}

function localPart(text: string): string | bigint {
  return /^\d+$/.test(text) ? BigInt(text) : text
}

function compare(a: bigint | string, b: bigint | string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareRelease(a: readonly bigint[], b: readonly bigint[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = compare(a[index] ?? 0n, b[index] ?? 0n)
    if (order !== 0) return order
  }
  return 0
}

function comparePre(a: Pep440, b: Pep440): number {
  return compare(rank(a), rank(b)) || compare(a.pre?.number ?? 0n, b.pre?.number ?? 0n)
}

/** A development release of a final release is before its pre-releases, the final release behind them. */
function rank({ pre, post, dev }: Pep440): string {
  if (pre !== undefined) return pre.phase
  return post === undefined && dev !== undefined ? '' : 'z'
}

function compareDev(a: bigint | undefined, b: bigint | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return compare(a, b)
}

function compareLocal(a: Pep440['local'], b: Pep440['local']): number {
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index++) {
    const [x, y] = [a?.[index], b?.[index]]
    if (x === undefined || y === undefined) return Number(y === undefined) - Number(x === undefined)
    // A number is behind a word.
    const order = typeof x === typeof y ? compare(x, y) : typeof x === 'bigint' ? 1 : -1
    if (order !== 0) return order
  }
  return 0
}
