import { debug } from '../../log.js'
import type { Skeletons } from '../cache.js'
import type { SkeletonTerms } from '../skeletons.js'
import { emptyRoot } from './archive.js'
import type { Index } from './index.js'
import { skeletonsIn } from './markers.js'
import { type Come, restore, type Workplace } from './restore.js'
import type { Limits } from './retention.js'
import { idsOf, type Restorable } from './select.js'
import { planSkeletons, type SkeletonPlan } from './skeleton-plan.js'

/** Where a root is filled. */
export interface UnreadPlace extends Workplace {
  readonly limits: Pick<Limits, 'now'>
  /** Undefined where every layer is needed whole. */
  readonly terms?: SkeletonTerms | undefined
}

/** What came back. */
export interface Unread extends Come {
  /** What of it has no content; undefined if all is whole. */
  readonly skeletons?: Omit<Skeletons, 'replace'> | undefined
}

/** Restores all of it, as skeletons what the build doesn't read; where one of these doesn't come, whole all the same. */
export async function restoreUnread(
  restorable: Restorable,
  indexes: readonly Index[],
  root: string,
  place: UnreadPlace,
): Promise<Unread> {
  const parts = indexes.flatMap((index) => index.parts)
  const skeletons = await chosen(restorable, indexes, place)
  if (skeletons === undefined) return await restore(restorable, parts, root, place)
  const come = await restore(asSkeletons(restorable, skeletons.layers), parts, root, place)
  const isThere = idsOf(come.restorable)
  if ([...skeletons.layers].every((id) => isThere.has(id)))
    return { ...come, skeletons: skeletonsIn(root, place.store, come.restorable, skeletons) }
  debug('Cache: restoring all layers whole, since one without contents did not come')
  await emptyRoot(place.store, root)
  const whole = await restore(restorable, parts, root, place)
  return { ...whole, failures: [...new Set([...come.failures, ...whole.failures])] }
}

async function chosen(
  restorable: Restorable,
  indexes: readonly Index[],
  { terms, limits }: UnreadPlace,
): Promise<SkeletonPlan | undefined> {
  if (terms === undefined) return undefined
  const plan = planSkeletons(restorable, indexes, terms, limits.now)
  const why = 'why' in plan ? plan.why : undefined
  if (!('why' in plan) && (await terms.arePushed(plan.blobs))) return plan
  debug(`Cache: restoring all layers whole, since ${why ?? 'a registry lacks one of them'}`)
  return undefined
}

/** The same, where these layers come from their bundles. */
function asSkeletons({ layers, images }: Restorable, ids: ReadonlySet<string>): Restorable {
  return {
    images,
    layers: layers.map((layer) =>
      layer.skeleton !== undefined && ids.has(layer.record.id) ? { ...layer, part: layer.skeleton } : layer,
    ),
  }
}
