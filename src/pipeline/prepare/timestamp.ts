import { stepsOf, type Dockerfile } from '../../dockerfile/dockerfile.js'
import { declarationsOf } from '../../dockerfile/variables.js'
import { UserError } from '../../errors.js'
import { info } from '../../log.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import { SOURCE_DATE_EPOCH } from '../../runner/timestamp-input.js'
import { commitDateOf } from './commit-date.js'

/** The inputs with the time of the commit, where the input `timestamp` asks for it. @throws UserError if nobody knows it */
export async function settleTimestamp(inputs: Inputs, context: Context): Promise<Inputs> {
  if (inputs.timestamp?.from !== 'commit') return inputs
  const { sha, commitDate } = context.event.names
  // The date in an event may be that of the author, and not every event has one.
  const date = (await commitDateOf(sha, context)) ?? commitDate
  if (date === undefined) {
    throw new UserError(
      'Input "timestamp": got "commit", but the date of the commit is not known: the workspace is no checkout of it.',
      'Add actions/checkout before this step, or write seconds since 1970: `timestamp: 1735689600`.',
    )
  }
  return { ...inputs, timestamp: { from: 'commit', seconds: Math.floor(date.getTime() / 1000) } }
}

/**
 * The same inputs with SOURCE_DATE_EPOCH as a build argument where the Dockerfile declares it, and without it elsewhere:
 * the value is always the time of the image. Pure.
 */
export function withEpochArgument(inputs: Inputs, dockerfile: Dockerfile): Inputs {
  const seconds = inputs.timestamp?.seconds
  if (seconds === undefined) return inputs
  const steps = [...dockerfile.globals, ...stepsOf(dockerfile)]
  const isDeclared = steps.some((step) => declarationsOf(step).some(({ name }) => name === SOURCE_DATE_EPOCH))
  const others = inputs.buildArgs.filter(({ name }) => name !== SOURCE_DATE_EPOCH)
  return {
    ...inputs,
    buildArgs: [...others, ...(isDeclared ? [{ name: SOURCE_DATE_EPOCH, value: String(seconds) }] : [])],
  }
}

/** Says which time the image gets, what that means for the cache, and what it doesn't reach. */
export function sayTimestamp({ timestamp }: Inputs, dockerfile: Dockerfile): void {
  if (timestamp?.seconds === undefined) return
  const { from, seconds } = timestamp
  const origin = { seconds: 'input "timestamp"', commit: 'the commit', [SOURCE_DATE_EPOCH]: SOURCE_DATE_EPOCH }[from]
  const time = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
  info(`Timestamp: the image and its files are of ${time} (${origin})`)
  if (from === 'commit')
    info('Timestamp: each commit has another time, so steps that other commits have cached are built again')
  if (stepsOf(dockerfile).some(({ keyword }) => keyword === 'RUN'))
    info('Timestamp: times and random values that RUN steps write into files stay; if they differ, so does the image')
}
