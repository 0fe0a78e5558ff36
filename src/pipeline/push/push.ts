import type { Engine, Image, Pushed } from '../../engine/engine.js'
import type { OpenProxy, PushedManifest } from '../../engine/upload-proxy.js'
import type { Env } from '../../exec.js'
import { describe, describeCauses, hintOf, LOST_CONTENT, RegistryError, UserError } from '../../errors.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import type { Registries } from '../../registry/registries.js'
import { result } from '../../log.js'
import { formatLimit, type Limit, startLimit } from '../../lib/time-limit.js'
import { withRetries } from '../../lib/retry.js'
import { endProcessTree, followMarked } from '../../lib/process-tree.js'

/** References of one registry that are pushed at the same time, once the first has brought the layers there. */
const CONCURRENCY = 4
/** A registry that asks for a long pause is waited for by the engine, again and again. */
const TIMEOUT_MS = 10 * 60_000
const SLOWEST_BYTES_PER_MINUTE = 60 * 2 ** 20
const UNKNOWN_MS = 120 * 60_000
const MAX_MS = 360 * 60_000
const KILL_GRACE_MS = 2000
const HINT = 'Check the status of the registry: it may be unreachable, limit requests, or ask for long pauses.'

/** Some references couldn't be pushed, and others may have been. */
export class PushError extends UserError {
  constructor(
    message: string,
    readonly pushed: readonly Pushed[],
    cure: string | undefined,
  ) {
    const again = 'When that is fixed, run the job again: it pushes what is missing.'
    super(message, cure === undefined ? again : `${cure}\n${again}`)
  }
}

/**
 * Pushes every reference: registries side by side, and in each the first reference alone, so that the layers go there
 * once. All are tried, also after one has failed.
 * @throws PushError when any failed, naming those and what is there
 */
export async function pushAll(engine: Pick<Engine, 'push'>, image: Image): Promise<Pushed[]> {
  return await pushEach(image, image.references, (reference, env) => engine.push(image, reference, env))
}

/** A manifest that lies in a repository under its digest. */
export interface PushedByDigest extends PushedManifest {
  /** The repository, without tag and digest. */
  readonly reference: Reference
}

/**
 * Pushes the image into the repository of every reference, and tags nothing.
 * @param open gives the registries
 * @throws PushError as `pushAll`
 */
export async function pushAllByDigest(
  engine: Pick<Engine, 'pushByDigest'>,
  image: Image,
  open: () => Promise<Pick<Registries, 'openProxy' | 'resolve'>>,
): Promise<PushedByDigest[]> {
  const repositories = new Map(image.references.map((one) => [formatReference(repositoryOf(one)), repositoryOf(one)]))
  const openProxy: OpenProxy = async (repository, layers) => await (await open()).openProxy(repository, layers)
  return await pushEach(image, [...repositories.values()], async (reference, env) => {
    const pushed = await engine.pushByDigest(image, reference, openProxy, env)
    const { digest } = pushed
    if ((await (await open()).resolve({ ...reference, digest })) !== undefined) return { ...pushed, reference }
    throw new RegistryError(
      `Push of ${formatReference(reference)}: the registry took ${digest}, and returns nothing for it.`,
      LOST_CONTENT.hint,
      true,
      { retries: LOST_CONTENT.retries },
    )
  })
}

/**
 * Puts something under each of these references, as `pushAll` does.
 * @param image what it is, or is of the size of
 */
export async function pushEach<T extends Arrived>(
  image: Pick<Image, 'references' | 'size'>,
  references: readonly Reference[],
  push: Push<T>,
): Promise<T[]> {
  const longest = longestPush(image)
  const late = () =>
    new UserError(`The push took longer than ${formatLimit(longest)}, the limit for an image of this size.`, HINT)
  const processTree = followMarked()
  const limit = startLimit(longest, late, () => endProcessTree(processTree, KILL_GRACE_MS))
  const marked = (reference: Reference) => push(reference, processTree.mark)
  const outcomes = await Promise.all(
    [...byRegistry(references).values()].map((group) => pushGroup({ push: marked, limit }, group)),
  ).finally(() => {
    limit.close()
    processTree.close()
  })
  const [pushed, failed] = split(outcomes.flat())
  for (const { reference, digest } of pushed) result(`Pushed ${formatReference({ ...reference, digest })}`)
  if (failed.length === 0) return pushed
  const names = failed.map(({ reference }) => formatReference(reference)).join(', ')
  const rest =
    pushed.length === 0
      ? 'Nothing was pushed.'
      : `Pushed: ${pushed.map(({ reference }) => formatReference(reference)).join(', ')}.`
  const hints = new Set(failed.map(({ error }) => hintOf(error)))
  // What is to be done is told once, where it is the same for all.
  const [cure] = hints.size === 1 ? hints : []
  const reasons = failed.map(({ error }) => (cure === undefined ? describe : describeCauses)(error))
  throw new PushError(`Not pushed: ${names}. ${rest}\n${reasons.join('\n')}`, pushed, cure)
}

/** What a push comes to. */
interface Arrived {
  readonly reference: Reference
  readonly digest: string
}

/** Pushes once. @param env further environment of what does it */
type Push<T> = (reference: Reference, env: Env) => Promise<T>

interface Failed {
  readonly reference: Reference
  readonly error: unknown
}

/** How, and until when. */
interface Pushing<T> {
  readonly push: (reference: Reference) => Promise<T>
  readonly limit: Limit
}

/** In this time a registry that is slow or busy takes any image: 1 MiB a second for each of its repositories. */
function longestPush({ size, references }: Pick<Image, 'references' | 'size'>): number {
  const repositories = new Set(references.map(({ registry, repository }) => `${registry}/${repository}`)).size
  if (size?.bytes === undefined) return UNKNOWN_MS
  return Math.min(MAX_MS, TIMEOUT_MS + Math.ceil((repositories * size.bytes) / SLOWEST_BYTES_PER_MINUTE) * 60_000)
}

async function pushGroup<T extends Arrived>(
  pushing: Pushing<T>,
  [first, ...others]: readonly Reference[],
): Promise<(T | Failed)[]> {
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

async function pushOne<T extends Arrived>({ push, limit }: Pushing<T>, reference: Reference): Promise<T | Failed> {
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

function split<T extends Arrived>(outcomes: readonly (T | Failed)[]): [T[], Failed[]] {
  const isPushed = (outcome: T | Failed): outcome is T => 'digest' in outcome
  return [outcomes.filter(isPushed), outcomes.filter((outcome): outcome is Failed => !isPushed(outcome))]
}
