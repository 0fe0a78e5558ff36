import type { Engine, Image, Pushed } from './engine/engine.js'
import { describe, UserError } from './errors.js'
import { formatReference, type Reference } from './image/reference.js'
import { say } from './log.js'
import { persist } from './persist.js'

/** References of one registry that are pushed at the same time, once the first has brought the layers there. */
const AT_ONCE = 4

/**
 * Pushes every reference: registries side by side, and in each the first reference alone, so that the layers go there
 * once. All are tried, also after one has failed.
 * @throws UserError when any failed, naming those and what is there
 */
export async function pushAll(engine: Engine, image: Image): Promise<Pushed[]> {
  const outcomes = await Promise.all(
    [...byRegistry(image.references).values()].map((group) => pushGroup(engine, image, group)),
  )
  const [pushed, failed] = split(outcomes.flat())
  for (const { reference, digest } of pushed) say(`Pushed ${formatReference(reference)}@${digest}`)
  if (failed.length === 0) return pushed
  const names = failed.map(({ reference }) => formatReference(reference)).join(', ')
  const rest =
    pushed.length === 0
      ? 'Nothing was pushed.'
      : `Pushed: ${pushed.map(({ reference }) => formatReference(reference)).join(', ')}.`
  throw new UserError(`Not pushed: ${names}. ${rest}\n${failed.map(({ error }) => describe(error)).join('\n')}`)
}

interface Failed {
  readonly reference: Reference
  readonly error: unknown
}

type Outcome = Pushed | Failed

async function pushGroup(engine: Engine, image: Image, [first, ...others]: readonly Reference[]): Promise<Outcome[]> {
  if (first === undefined) return []
  // The first brings the layers to the registry, the first of every other repository takes them over from there.
  const isNew = ({ repository }: Reference, index: number) =>
    repository !== first.repository && others.findIndex((other) => other.repository === repository) === index
  const outcomes = [await pushOne(engine, image, first)]
  for (const group of [others.filter(isNew), others.filter((reference, index) => !isNew(reference, index))]) {
    for (let start = 0; start < group.length; start += AT_ONCE) {
      const now = group.slice(start, start + AT_ONCE)
      outcomes.push(...(await Promise.all(now.map((reference) => pushOne(engine, image, reference)))))
    }
  }
  // In the order in which they were given.
  const all = [first, ...others]
  return outcomes.sort((a, b) => all.indexOf(a.reference) - all.indexOf(b.reference))
}

async function pushOne(engine: Engine, image: Image, reference: Reference): Promise<Outcome> {
  const name = formatReference(reference)
  try {
    return await persist(`Push of ${name}`, () => engine.push(image, reference))
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
