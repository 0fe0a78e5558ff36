import compare from 'semver/functions/compare.js'
import parse from 'semver/functions/parse.js'
import { comparePep440, isFinal, normalForm, parsePep440, type Pep440 } from './pep440.js'

/** The version of a release, by the rules of semver.org or of PEP 440. */
export interface Version {
  readonly scheme: Scheme
  /** As it was written. */
  readonly raw: string
  /** Its normal form: a semantic version has no build metadata there, one by PEP 440 has its local part. */
  readonly version: string
  readonly major: string
  readonly minor: string
  readonly patch: string
  /** Not a pre-release; in PEP 440 not a post-release or development release either. */
  readonly stable: boolean
}

export type Scheme = 'semver' | 'pep440'

export const schemeNames: Readonly<Record<Scheme, string>> = { semver: 'semantic version', pep440: 'PEP 440 version' }

/** Reads a version, a leading `v` allowed; undefined when it is none. */
export function readVersion(scheme: Scheme, text: string): Version | undefined {
  if (scheme === 'pep440') {
    const parsed = parsePep440(text)
    return parsed && ofPep440(text, parsed)
  }
  const parsed = parse(text)
  if (parsed === null) return undefined
  const [major, minor, patch] = [parsed.major, parsed.minor, parsed.patch].map(String) as [string, string, string]
  return { scheme, raw: text, version: parsed.version, major, minor, patch, stable: parsed.prerelease.length === 0 }
}

/** The highest stable version of those that are higher than the given one; undefined when that is the highest itself. */
export function higherThan(version: Version, others: readonly string[]): string | undefined {
  const higher = others
    .map((other) => readVersion(version.scheme, other))
    .filter((other) => other !== undefined)
    .filter((other) => other.stable && isFullVersion(other, version) && compareVersions(other, version) > 0)
  return higher.sort(compareVersions).at(-1)?.raw
}

/** Both of one scheme. */
function compareVersions(a: Version, b: Version): number {
  if (a.scheme === 'semver') return compare(a.version, b.version)
  const [x, y] = [parsePep440(a.version), parsePep440(b.version)]
  return x === undefined || y === undefined ? 0 : comparePep440(x, y)
}

/** A number alone, beside versions with dots, is a moving tag (`2`) or a date (`20200110`) and not a version. */
function isFullVersion(other: Version, version: Version): boolean {
  return /^\d+$/.test(version.version) || !/^\d+$/.test(other.version)
}

function ofPep440(raw: string, parsed: Pep440): Version {
  const [major = 0n, minor = 0n, patch = 0n] = parsed.release
  return {
    scheme: 'pep440',
    raw,
    version: normalForm(parsed),
    major: major.toString(),
    minor: minor.toString(),
    patch: patch.toString(),
    stable: isFinal(parsed),
  }
}
