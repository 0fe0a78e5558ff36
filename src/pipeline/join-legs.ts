import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Meeting } from '../cache/meeting.js'
import type { Pushed } from '../engine/engine.js'
import { RegistryError, UserError } from '../errors.js'
import { type Clock, systemClock } from '../lib/clock.js'
import { isObject, parseObject } from '../lib/json.js'
import { formatPlatform, isSamePlatform, type Platform } from '../lib/platform.js'
import { info } from '../log.js'
import { formatReference, type Reference, repositoryOf } from '../metadata/reference.js'
import { entriesOf } from '../registry/index-entries.js'
import type { Registries } from '../registry/registries.js'
import { repositoriesOf } from './destination.js'
import { type Leg, namesOf } from './distribute.js'
import type { Wanted } from './engine.js'
import type { Indexed, PushedPlatform } from './image-index.js'

/** Where legs meet, and where their images are. */
export interface Place {
  readonly meeting: Meeting
  readonly registries: Pick<Registries, 'fetchManifest' | 'fetchBlob'>
  readonly references: readonly Reference[]
  /** Whether the service gives a number away once, which act's doesn't; what it has taken, act's shows at once. */
  readonly hasNumbers: boolean
  /** Puts the index of all platforms. */
  readonly put: (platforms: readonly PushedPlatform[]) => Promise<Indexed>
  readonly clock?: Clock
}

/** What a leg comes to. */
export interface Joined extends Indexed {
  readonly joined: boolean
  readonly platforms: readonly PushedPlatform[]
}

/** How long the records of the others are waited for: a service may show them late. */
const WAIT_MS = 120_000
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 8000]

/**
 * What is the same on every leg, as they are written: what a rule or a context comes to may depend on the time, and nobody
 * else could meet those who have another key.
 */
export async function joinKeyOf({ inputs, source }: Wanted, { all }: Leg, commit: string): Promise<string> {
  const { images, tags, flavor, context, target, buildArgs, buildContexts } = inputs
  const dockerfile = createHash('sha256')
    .update(await readFile(source.file))
    .digest('hex')
  const same = [all.map(formatPlatform), images, tags, flavor, context, dockerfile, target ?? '', commit]
  const given = [...buildArgs, ...buildContexts].map(({ name, value }) => [name, value ?? ''])
  return createHash('sha256')
    .update(JSON.stringify([same, given]))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Leaves word of what this leg has pushed. The leg that is the last of all, or comes again, waits for the records of the
 * others and puts the index; two that do so at once put the same.
 * @throws UserError where a record is missing after two minutes
 */
export async function joinLegs({ all }: Leg, own: readonly PushedPlatform[], place: Place): Promise<Joined> {
  const { meeting, hasNumbers } = place
  for (const one of own) {
    if ((await meeting.leave(formatPlatform(one.platform), recordOf(one))) !== 'failed') continue
    throw new UserError(
      `Input "distribute": the cache service didn't take the record of ${formatPlatform(one.platform)}. ${meeting.failures().join(' ')}`.trim(),
      `Run the job again. If the job may not write the cache, join the images in a job that follows: \`digests: ${one.pushed[0]?.digest ?? ''}\`, and those of the other legs.`,
    )
  }
  const isLast = hasNumbers ? await takesLast(all.length, own.length, meeting) : true
  const found = isLast ? await findRecords(all, own, hasNumbers ? WAIT_MS : 0, place) : undefined
  const missing = all.filter((platform) => found?.some((one) => isSamePlatform(one.platform, platform)) !== true)
  if (found === undefined || (missing.length > 0 && !hasNumbers)) {
    info('Distribute: not the last of the legs; the last one tags the image')
    return { pushed: [], joined: false, platforms: own }
  }
  if (missing.length > 0) throw notFound(missing)
  return { ...(await place.put(found)), joined: true, platforms: found }
}

/** Takes a number for each platform. @returns whether one of them is the last, or there was none left */
async function takesLast(count: number, own: number, meeting: Meeting): Promise<boolean> {
  for (let taken = 0; taken < own; taken += 1) {
    const number = await meeting.takeNumber()
    if (number === undefined || number === count) return true
  }
  return false
}

/** In the order of the platforms, as far as they are there in time. */
async function findRecords(
  all: readonly Platform[],
  own: readonly PushedPlatform[],
  waitMs: number,
  place: Place,
): Promise<PushedPlatform[]> {
  const { meeting, clock = systemClock } = place
  const found = new Map(own.map((one) => [formatPlatform(one.platform), one]))
  const missing = () => all.filter((platform) => !found.has(formatPlatform(platform)))
  const end = clock.now() + waitMs
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    for (const platform of missing()) {
      const record = await readRecord(await meeting.find(formatPlatform(platform)), platform, place)
      if (record !== undefined) found.set(formatPlatform(platform), record)
    }
    if (missing().length === 0 || clock.now() + pause > end) break
    if (pause === FIRST_PAUSE_MS) info(`Distribute: waiting for the record of ${namesOf(missing())}`)
    await clock.wait(pause)
  }
  return all.flatMap((platform) => found.get(formatPlatform(platform)) ?? [])
}

function recordOf({ platform, pushed }: PushedPlatform): string {
  const digests = pushed.map(({ reference, digest }) => [formatReference(repositoryOf(reference)), digest] as const)
  return JSON.stringify({ platform: formatPlatform(platform), digests: Object.fromEntries(digests) })
}

/** A record counts if its images are in every repository, and are of its platform. */
async function readRecord(
  text: string | undefined,
  platform: Platform,
  { references, registries }: Place,
): Promise<PushedPlatform | undefined> {
  const { platform: named, digests } = parseObject(text ?? '')
  if (named !== formatPlatform(platform) || !isObject(digests)) return undefined
  const pushed: Pushed[] = []
  for (const reference of repositoriesOf(references)) {
    const digest: unknown = digests[formatReference(reference)]
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined
    const entries = await entriesOf(registries, { ...reference, digest }).catch(passing)
    if (entries?.length !== 1 || !entries.every((one) => isSamePlatform(one.platform, platform))) return undefined
    pushed.push({ reference, digest })
  }
  return { platform, pushed }
}

/** It is looked for again. */
function passing(error: unknown): undefined {
  if (error instanceof RegistryError && error.transient) return undefined
  throw error
}

function notFound(missing: readonly Platform[]): UserError {
  return new UserError(
    `Input "distribute": no runner of this run has pushed ${namesOf(missing)} with the same inputs. Nothing was tagged.`,
    'Look whether a runner of each platform is in the matrix, and whether its job has failed: run the failed jobs again. The Dockerfile, `build-args`, `images`, `tags` and the other inputs must be the same on every runner.',
  )
}
