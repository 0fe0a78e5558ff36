import type { Pushed } from '../engine/engine.js'
import { COMMIT_LABELS } from '../metadata/commit.js'
import type { Labels } from '../metadata/labels.js'
import { parseReference, type Reference } from '../metadata/reference.js'
import { isObject, objectOf, parseObject } from '../lib/json.js'
import { formatTime } from '../lib/format.js'
import { type Fingerprint, firstDifference } from './fingerprint.js'

/** An image that an earlier run has built and pushed. */
export interface RememberedBuild {
  /** When, in milliseconds since 1970. */
  readonly builtAt: number
  readonly fingerprint: Fingerprint
  /** `sha256:…` of its configuration. */
  readonly imageId: string
  /** Where it was pushed: repositories, each with the digest of its manifest there, no tags. */
  readonly places: readonly (Reference & { readonly digest: string })[]
  /** What its labels and annotations say of the commit that it was built of, as far as that isn't compared. */
  readonly said: Labels
  /** How many steps it had, and the seconds that building it took. */
  readonly steps: number
  readonly seconds: number
}

/** As many builds are remembered of a scope: branches that take turns find one another's. */
const MAX_RECORDS = 24
const VERSION = 1

/** The text by which later runs know what was built; the newest comes first. Pure. */
export function formatRemembered(builds: readonly RememberedBuild[]): string {
  const written = builds.map(({ places, said, ...build }) => ({
    ...build,
    said: Object.fromEntries(said),
    places: places.map(({ registry, repository, digest }) => `${registry}/${repository}@${digest}`),
  }))
  return JSON.stringify({ version: VERSION, builds: written })
}

/** Reads such a text; what isn't in its grammar is left out, since it comes from outside. Pure. */
export function parseRemembered(text: string): RememberedBuild[] {
  const { version, builds } = parseObject(text)
  if (version !== VERSION || !Array.isArray(builds)) return []
  return builds.flatMap((build: unknown) => {
    const read = isObject(build) ? readBuild(build) : undefined
    return read === undefined ? [] : [read]
  })
}

/** Adds a build, and drops what is too old, and what it stands for by now. Pure. */
export function addRemembered(
  builds: readonly RememberedBuild[],
  build: RememberedBuild,
  limits: { readonly now: number; readonly ttlMs: number },
): RememberedBuild[] {
  const others = builds.filter(({ fingerprint }) => firstDifference(fingerprint, build.fingerprint) !== undefined)
  return [build, ...inTime(others, limits)].slice(0, MAX_RECORDS)
}

/** Those that still count. Pure. */
export function inTime(
  builds: readonly RememberedBuild[],
  { now, ttlMs }: { readonly now: number; readonly ttlMs: number },
): RememberedBuild[] {
  return builds.filter(({ builtAt }) => builtAt <= now && now - builtAt < ttlMs)
}

/** Whether a build was made of something else. Pure. */
export function isOther(now: Fingerprint): (build: Pick<RememberedBuild, 'fingerprint'>) => boolean {
  return (build) => firstDifference(build.fingerprint, now) !== undefined
}

/** In what it differs from the build that differs in the fewest parts. Pure. */
export function differenceFrom(builds: readonly RememberedBuild[], now: Fingerprint): string {
  const same = ({ fingerprint: before }: RememberedBuild) =>
    now.filter((part) => before.some(({ name, digest }) => name === part.name && digest === part.digest)).length
  const nearest = builds.reduce((best, one) => (same(one) > same(best) ? one : best))
  const difference = firstDifference(nearest.fingerprint, now) ?? ''
  return `no; changed since the build of ${formatTime(new Date(nearest.builtAt))}: ${difference}`
}

/** Where an image was pushed, each repository once. Pure. */
export function repositoriesOf(pushed: readonly Pushed[]): RememberedBuild['places'] {
  const places = pushed.map(({ reference: { registry, repository }, digest }) => ({ registry, repository, digest }))
  return places.filter((place, index) => places.findIndex((other) => isSamePlace(other, place)) === index)
}

function isSamePlace(one: Reference, other: Reference): boolean {
  return one.registry === other.registry && one.repository === other.repository && one.digest === other.digest
}

function readBuild(value: Readonly<Record<string, unknown>>): RememberedBuild | undefined {
  const { builtAt, fingerprint, imageId, places, steps, seconds } = value
  const said = readSaid(value['said'])
  if (!isCount(builtAt) || !isCount(steps) || !isCount(seconds) || !isDigest(imageId)) return undefined
  if (said === undefined) return undefined
  if (!Array.isArray(fingerprint) || !Array.isArray(places) || places.length === 0) return undefined
  const [parts, read] = [fingerprint.map(readPart), places.map(readPlace)]
  if (!parts.every((part) => part !== undefined) || !read.every((place) => place !== undefined)) return undefined
  return { builtAt, fingerprint: parts, imageId, places: read, said, steps, seconds }
}

/** They become labels in the outputs of a step: what isn't one line of what a commit, a time or a tag can be is refused. */
function readSaid(value: unknown): Labels | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value)
  const isPlain = (entry: [string, unknown]): entry is [string, string] =>
    COMMIT_LABELS.includes(entry[0]) && typeof entry[1] === 'string' && /^[\w.:-]{0,128}$/.test(entry[1])
  return entries.every(isPlain) ? new Map(entries) : undefined
}

function readPlace(value: unknown): RememberedBuild['places'][number] | undefined {
  if (typeof value !== 'string') return undefined
  try {
    const { registry, repository, tag, digest } = parseReference(value)
    return digest === undefined || tag !== undefined || !isDigest(digest) ? undefined : { registry, repository, digest }
  } catch {
    return undefined
  }
}

function readPart(value: unknown): Fingerprint[number] | undefined {
  const { name, digest } = objectOf(value)
  const isRead = typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest)
  return typeof name === 'string' && isRead ? { name, digest } : undefined
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value)
}
