import type { Engine, Image, Pushed } from '../engine/engine.js'
import { describe, UserError } from '../errors.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { result } from '../log.js'
import { formatLimit, type Limit, startLimit } from '../lib/time-limit.js'
import { withRetries } from '../lib/retry.js'
import { endProcessTree, followProcessTree } from '../lib/process-tree.js'

/** References of one registry that are pushed at the same time, once the first has brought the layers there. */
const CONCURRENCY = 4
/** A registry that asks for a long pause is waited for by the engine, again and again. */
const TIMEOUT_MS = 10 * 60_000
const SLOWEST_BYTES_PER_MINUTE = 60 * 2 ** 20
const UNKNOWN_MS = 120 * 60_000
const MAX_MS = 360 * 60_000
const KILL_GRACE_MS = 2000
const HINT = 'Check the status of the registry: it may be unreachable, limit requests, or ask for long pauses.'

/**
 * Pushes every reference: registries side by side, and in each the first reference alone, so that the layers go there
 * once. All are tried, also after one has failed.
 * @throws UserError when any failed, naming those and what is there
 */
export async function pushAll(engine: Pick<Engine, 'push'>, image: Image): Promise<Pushed[]> {
  return await pushEach((reference) => engine.push(image, reference), image)
}

/** The same for anything that goes under references. */
export async function pushEach(push: Push, image: Pushable): Promise<Pushed[]> {
  const longest = longestPush(image)
  const late = () =>
    new UserError(`The push took longer than ${formatLimit(longest)}, the limit for an image of this size.`, HINT)
  const limit = startLimit(longest, late, () => endProcessTree(followProcessTree(), KILL_GRACE_MS))
  const outcomes = await Promise.all(
    [...byRegistry(image.references).values()].map((group) => pushGroup({ push, limit }, group)),
  ).finally(limit.close)
  const [pushed, failed] = split(outcomes.flat())
  for (const { reference, digest } of pushed) result(`Pushed ${formatReference(reference)}@${digest}`)
  if (failed.length === 0) return pushed
  const names = failed.map(({ reference }) => formatReference(reference)).join(', ')
  const rest =
    pushed.length === 0
      ? 'Nothing was pushed.'
      : `Pushed: ${pushed.map(({ reference }) => formatReference(reference)).join(', ')}.`
  throw new UserError(
    `Not pushed: ${names}. ${rest}\n${failed.map(({ error }) => describe(error)).join('\n')}`,
    'When that is fixed, run the job again: it pushes what is missing.',
  )
}

interface Failed {
  readonly reference: Reference
  readonly error: unknown
}

type Outcome = Pushed | Failed

/** Pushes something under a reference, once. @throws RegistryError */
type Push = (reference: Reference) => Promise<Pushed>

/** Where it goes, and how large it is. */
type Pushable = Pick<Image, 'references' | 'size'>

interface Pushing {
  readonly push: Push
  readonly limit: Limit
}

/** In this time a registry that is slow or busy takes any image: 1 MiB a second for each of its repositories. */
function longestPush({ size, references }: Pushable): number {
  const repositories = new Set(references.map(({ registry, repository }) => `${registry}/${repository}`)).size
  if (size?.bytes === undefined) return UNKNOWN_MS
  return Math.min(MAX_MS, TIMEOUT_MS + Math.ceil((repositories * size.bytes) / SLOWEST_BYTES_PER_MINUTE) * 60_000)
}

async function pushGroup(pushing: Pushing, [first, ...others]: readonly Reference[]): Promise<Outcome[]> {
  if (first === undefined) return []
  // The first brings the layers to the registry, the first of every other repository takes them over from there.
  const isNew = ({ repository }: Reference, index: number) =>
    repository !== first.repository && others.findIndex((other) => other.repository === repository) === index
  const outcomes = [await pushOne(pushing, first)]
  for (const group of [others.filter(isNew), others.filter((reference, index) => !isNew(reference, index))]) {
    for (let start = 0; start < group.length; start += CONCURRENCY) {
      const now = group.slice(start, start + CONCURRENCY)
      outcomes.push(...(await Promise.all(now.map((reference) => pushOne(pushing, reference)))))
    }
  }
  // In the order in which they were given.
  const all = [first, ...others]
  return outcomes.sort((a, b) => all.indexOf(a.reference) - all.indexOf(b.reference))
}

async function pushOne({ push, limit }: Pushing, reference: Reference): Promise<Outcome> {
  const name = formatReference(reference)
  // A try that is ended for its time isn't made again.
  const once = () => limit.within(limit.isOver() ? new Promise<never>(() => undefined) : push(reference))
  try {
    return await limit.within(withRetries(`Push of ${name}`, once))
  } catch (error) {
    return { reference, error }
  }
}

function byRegistry(references: readonly Reference[]): Map<string, Reference[]> {
  const groups = new Map<string, Reference[]>()
  for (const reference of references)
    groups.set(reference.registry, [...(groups.get(reference.registry) ?? []), reference])
  return groups
}

function split(outcomes: readonly Outcome[]): [Pushed[], Failed[]] {
  const isPushed = (outcome: Outcome): outcome is Pushed => 'digest' in outcome
  return [outcomes.filter(isPushed), outcomes.filter((outcome): outcome is Failed => !isPushed(outcome))]
}
