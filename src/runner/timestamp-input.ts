import type { Env } from '../exec.js'
import { type BuildArg, buildArgs } from './build-arguments.js'
import { type InputReader, refuse } from './input-parsers.js'
import { input } from './input-spec.js'

/** The build argument and the variable of reproducible-builds.org/specs/source-date-epoch. */
export const SOURCE_DATE_EPOCH = 'SOURCE_DATE_EPOCH'

/** The time that an image and its files have. */
export interface Timestamp {
  readonly from: 'seconds' | 'commit' | typeof SOURCE_DATE_EPOCH
  /** Since 1970; undefined for a commit until its date is looked up. */
  readonly seconds: number | undefined
}

/** So large that no format of archives or dates has trouble with it: the end of the year 9999. */
const MAX_SECONDS = 253_402_300_799

export const TIMESTAMP_INPUT = {
  // Another commit alone is no other image.
  timestamp: input('timestamp', timestamp, {
    affects: 'image',
    counts: (time) => (time === undefined ? [] : [time.from === 'commit' ? 'commit' : String(time.seconds)]),
    docker: {
      refusedBy: ['buildx-docker'],
      asks: (time) => time !== undefined && time.from !== SOURCE_DATE_EPOCH,
      example: 'epoch',
      why: "can't rewrite the times of files",
      hint: 'Write `engine: buildah`, or set up Docker Buildx with its own builder in an earlier step (docker/setup-buildx-action).',
    },
  }),
}

/** The variable where nothing has made a time of it, '' otherwise and where it isn't set. Pure. */
export function unreadEpoch(time: Timestamp | undefined, env: Env): string {
  return time === undefined ? (env[SOURCE_DATE_EPOCH] ?? '') : ''
}

/** The same inputs without the build argument that tells their time; it may be that of the commit. Pure. */
export function withoutEpoch<T extends Timed>(inputs: T): T {
  if (inputs.timestamp === undefined) return inputs
  return { ...inputs, buildArgs: inputs.buildArgs.filter(({ name }) => name !== SOURCE_DATE_EPOCH) }
}

interface Timed {
  readonly timestamp: Timestamp | undefined
  readonly buildArgs: readonly BuildArg[]
}

/** The input; without it, SOURCE_DATE_EPOCH as a build argument or in the environment, if that is a time. */
function timestamp(read: InputReader, name: string, env: Env): Timestamp | undefined {
  const got = read(name).trim()
  if (got === 'commit') return { from: 'commit', seconds: undefined }
  if (got === '') return fromEpoch(read, env)
  const seconds = got === 'epoch' ? 0 : secondsIn(got)
  if (seconds !== undefined) return { from: 'seconds', seconds }
  throw refuse(name, got, 'Write `epoch` (1970-01-01), `commit`, or seconds since then: `1735689600`.')
}

function fromEpoch(read: InputReader, env: Env): Timestamp | undefined {
  const given = buildArgs(read, 'build-args').find(({ name }) => name === SOURCE_DATE_EPOCH)
  const seconds = secondsIn(given?.value ?? env[SOURCE_DATE_EPOCH] ?? '')
  return seconds === undefined ? undefined : { from: SOURCE_DATE_EPOCH, seconds }
}

function secondsIn(text: string): number | undefined {
  return /^\d{1,12}$/.test(text) && Number(text) <= MAX_SECONDS ? Number(text) : undefined
}
