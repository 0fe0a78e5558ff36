import { rm } from 'node:fs/promises'
import { lackOfRoom } from '../../lib/disk-space.js'
import { NOTHING_RESTORED } from '../cache.js'
import { failureOf } from '../errors.js'
import type { Unpacked } from '../snapshot.js'
import { writeBlobInfoCache } from './blob-info-cache.js'
import { unpackMounts } from './cache-mounts.js'
import type { Index } from './index.js'
import { fetchForBuild, type Workplace } from './restore.js'
import {
  bytesOfLayers,
  type Keys,
  NOTHING_RESTORABLE,
  type Restorable,
  secondsByKey,
  selectRestorable,
} from './select.js'
import { restoreUnread, type Unread, type UnreadPlace } from './restore-unread.js'

/** A root with what came back from earlier runs. */
export interface Filled extends Pick<Unpacked<Index>, 'restored' | 'fetched'>, Pick<Unread, 'skeletons'> {
  readonly restorable: Restorable
}

export interface FillPlace extends UnreadPlace {
  readonly mounts: boolean
}

/** Fills an empty root with the steps that a build may take, and the folders of cache mounts. Never rejects. */
export async function fill(indexes: readonly Index[], keys: Keys, root: string, place: FillPlace): Promise<Filled> {
  return await fillOrFail(indexes, keys, root, place).catch((error: unknown) => nothing(failureOf(error)))
}

async function fillOrFail(indexes: readonly Index[], keys: Keys, root: string, place: FillPlace): Promise<Filled> {
  const restorable = selectRestorable(indexes, keys, 'one')
  const parts = indexes.flatMap((index) => index.parts)
  const mounts = place.mounts ? indexes.find((index) => index.mounts !== undefined)?.mounts : undefined
  if (restorable.images.length === 0 && mounts === undefined) return nothing()
  const lack = await lackOfRoom(root, bytesOfLayers(restorable))
  if (lack !== undefined) return nothing(lack)
  const memory = indexes.find((index) => index.memory.length > 0)?.memory ?? []
  const [back, ...failed] = await Promise.all([
    restoreUnread(restorable, indexes, root, place),
    restoreMounts(mounts, parts, place).catch((error: unknown) => failureOf(error)),
    writeBlobInfoCache(memory, place.store, place.stagingDir).catch((error: unknown) => failureOf(error)),
  ])
  const stepSeconds = secondsByKey(back.restorable)
  const failures = [...back.failures, ...failed.filter((text) => text !== undefined)]
  const { parts: count, bytes, fetched, skeletons } = back
  const restored = {
    images: stepSeconds.length,
    parts: count,
    bytes,
    seconds: 0,
    stepSeconds: new Map(stepSeconds),
    failures,
  }
  return { restorable: back.restorable, restored, fetched, skeletons }
}

async function restoreMounts(mounts: string | undefined, parts: Index['parts'], place: Workplace): Promise<undefined> {
  const part = parts.find(({ sha256 }) => sha256 === mounts)
  if (part === undefined) return
  const archive = await fetchForBuild(part, place)
  await unpackMounts(place.tools, place.store, archive)
  await rm(archive)
}

function nothing(...failures: readonly string[]): Filled {
  return { restorable: NOTHING_RESTORABLE, restored: { ...NOTHING_RESTORED, failures } }
}
