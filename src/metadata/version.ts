import { compare as comparePep440, explain } from '@renovatebot/pep440'
import compare from 'semver/functions/compare.js'
import parse from 'semver/functions/parse.js'

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
  if (scheme === 'pep440') return readPep440(text)
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
  return a.scheme === 'semver' ? compare(a.version, b.version) : comparePep440(a.version, b.version)
}

/** A number alone, beside versions with dots, is a moving tag (`2`) or a date (`20200110`) and not a version. */
function isFullVersion(other: Version, version: Version): boolean {
  return /^\d+$/.test(version.version) || !/^\d+$/.test(other.version)
}

/** By packaging.python.org/en/latest/specifications/version-specifiers/. */
function readPep440(raw: string): Version | undefined {
  const parsed = explain(raw.trim())
  // The library counts in doubles: a longer number would come back as another one.
  if (parsed === null || /\d{16}/.test(raw)) return undefined
  const [major = 0, minor = 0, patch = 0] = parsed.release
  return {
    scheme: 'pep440',
    raw,
    // The library's own normal form has commas in the local part.
    version: parsed.local === null ? parsed.public : `${parsed.public}+${parsed.local}`,
    major: String(major),
    minor: String(minor),
    patch: String(patch),
    stable: !parsed.is_prerelease && !parsed.is_postrelease,
  }
}
