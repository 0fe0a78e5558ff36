import type { Meeting } from '../../cache/meeting.js'
import { UserError } from '../../errors.js'
import { type Clock, systemClock } from '../../lib/clock.js'
import { formatPlatform, isSamePlatform, type Platform } from '../../lib/platform.js'
import { info, warn } from '../../log.js'
import { type Leg, namesOf } from './distribute.js'
import type { Indexed, PushedPlatform } from '../push/image-index.js'
import { type ImagePlace, readRecord, recordOf } from './leg-records.js'

/** Where legs meet, and where their images are. */
export interface Place extends ImagePlace {
  readonly meeting: Meeting
  /** Whether the service gives a number away once, which act's doesn't; what it has taken, act's shows at once. */
  readonly hasNumbers: boolean
  /** Whether this isn't the first attempt of the run. */
  readonly isRerun: boolean
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
 * Leaves word of what this leg has pushed. The leg that is the last of all, or comes again, waits for the records of the
 * others and puts the index; two that do so at once put the same.
 * @throws UserError where a record is missing after two minutes, and nobody can be expected to bring it
 */
export async function joinLegs({ all }: Leg, own: readonly PushedPlatform[], place: Place): Promise<Joined> {
  const { meeting, hasNumbers } = place
  await leaveRecords(own, meeting)
  const turn = hasNumbers ? await takeTurn(all.length, own, meeting) : 'last'
  const found = turn === 'early' ? undefined : await findRecords(all, own, hasNumbers ? WAIT_MS : 0, place)
  const missing = all.filter((platform) => found?.some((one) => isSamePlatform(one.platform, platform)) !== true)
  if (found === undefined || (missing.length > 0 && !hasNumbers)) {
    info('Distribute: not the last of the legs; the last one tags the image')
    return { pushed: [], joined: false, platforms: own }
  }
  if (missing.length === 0) return { ...(await place.put(found)), joined: true, platforms: found }
  if (turn === 'unknown' || !(await othersMayCome(place))) throw notFound(missing, meeting.failures())
  warn(`Distribute: ${namesOf(missing)} isn't pushed yet; the job that pushes it tags the image`)
  return { pushed: [], joined: false, platforms: own }
}

async function leaveRecords(own: readonly PushedPlatform[], meeting: Meeting): Promise<void> {
  for (const one of own) {
    if ((await meeting.leave(formatPlatform(one.platform), recordOf(one))) !== 'failed') continue
    throw new UserError(
      `Input "distribute": the cache service didn't take the record of ${formatPlatform(one.platform)}. ${meeting.failures().join(' ')}`.trim(),
      `Run the job again. If the job may not write the cache, join the images in a job that follows: \`digests: ${one.pushed[0]?.digest ?? ''}\`, and those of the other legs.`,
    )
  }
}

/** Takes a number for each platform. @returns `last` where one of them is the last, or there was none left */
async function takeTurn(
  count: number,
  own: readonly PushedPlatform[],
  meeting: Meeting,
): Promise<'early' | 'last' | 'unknown'> {
  for (const { platform } of own) {
    const number = await meeting.takeNumber(formatPlatform(platform))
    if (number === 'unknown') return number
    if (number === 'none' || number === count) return 'last'
  }
  return 'early'
}

/**
 * Whether a leg comes later, which finds no number left and puts the index: one that failed in an earlier attempt, in which
 * this one took a number; or one whose number was lost.
 */
async function othersMayCome({ isRerun, meeting }: Place): Promise<boolean> {
  return isRerun || (await meeting.hasLostNumber())
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

function notFound(missing: readonly Platform[], failures: readonly string[]): UserError {
  return new UserError(
    [
      `Input "distribute": no runner of this run has pushed ${namesOf(missing)} with the same inputs. Nothing was tagged.`,
      ...failures,
    ].join(' '),
    'Look whether a runner of each platform is in the matrix, and whether its job has failed: run the failed jobs again. The Dockerfile, `build-args`, `images`, `tags` and the other inputs must be the same on every runner.',
  )
}
