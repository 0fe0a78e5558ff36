import { rm } from 'node:fs/promises'
import { describe } from '../../errors.js'
import type { ContainersStorage } from '../../build-storage.js'
import { lackOfRoom } from '../../lib/disk-space.js'
import { NOTHING_RESTORED } from '../cache.js'
import { failureOf } from '../errors.js'
import type { Snapshot, Unpacked } from '../snapshot.js'
import { emptyRoot, findTools } from './archive.js'
import { changedBaseImages } from './bases.js'
import { removeBlobInfoCache, writeBlobInfoCache } from './blob-info-cache.js'
import { unpackMounts } from './cache-mounts.js'
import { arrangeInPlace } from './in-place.js'
import { formatIndex, type Index, parseIndex } from './index.js'
import { readContents } from './layout.js'
import { fetchForBuild, restore, type Workplace } from './restore.js'
import { planSave } from './save.js'
import {
  bytesOfLayers,
  incompatibleReason,
  type Keys,
  NOTHING_RESTORABLE,
  type Restorable,
  secondsByKey,
  selectRestorable,
} from './select.js'

/**
 * The steps that Buildah has in a root of containers/storage, with its blob info cache and what cache mounts have left.
 * @throws Error when a program is missing that packs and unpacks
 */
export async function containersStorage(store: ContainersStorage, keys: Keys): Promise<Snapshot<Index>> {
  const tools = await findTools(store).catch((error: unknown) => describe(error))
  if (typeof tools === 'string') throw new Error(`nothing can be restored or saved: ${tools}`)
  return {
    suffix: '',
    folder: `${store.layout}-${store.uid}`,
    parse: parseIndex,
    format: formatIndex,
    incompatibleReason: (index) => incompatibleReason(index, store.layout, store.version),
    async unpack(indexes, root, options) {
      const filled = await fill(indexes, keys, root, { ...options, store, tools }).catch((error: unknown) =>
        nothing(failureOf(error)),
      )
      return {
        ...filled,
        indexes,
        isEmpty: filled.restorable.images.length === 0,
        changedBaseImages: async () => changedBaseImages(filled.restorable, await readContents(root, store.layout)),
      }
    },
    async empty(root) {
      await emptyRoot(store, root)
      await removeBlobInfoCache(store)
    },
    plan: (job, indexes, stagingDir) => planSave(job, indexes, { store, tools, stagingDir }),
    arrange: (place) => arrangeInPlace({ ...place, store, tools }, keys),
  }
}

interface Filled extends Pick<Unpacked<Index>, 'restored'> {
  readonly restorable: Restorable
}

async function fill(
  indexes: readonly Index[],
  keys: Keys,
  root: string,
  place: Workplace & { readonly mounts: boolean },
): Promise<Filled> {
  const restorable = selectRestorable(indexes, keys, 'one')
  const parts = indexes.flatMap((index) => index.parts)
  const mounts = place.mounts ? indexes.find((index) => index.mounts !== undefined)?.mounts : undefined
  if (restorable.images.length === 0 && mounts === undefined) return nothing()
  const lack = await lackOfRoom(root, bytesOfLayers(restorable))
  if (lack !== undefined) return nothing(lack)
  await writeBlobInfoCache(indexes.find(({ memory }) => memory.length > 0)?.memory ?? [], place.store, place.stagingDir)
  const [back, failure] = await Promise.all([
    restore(restorable, parts, root, place),
    restoreMounts(mounts, parts, place).catch((error: unknown) => failureOf(error)),
  ])
  const stepSeconds = secondsByKey(back.restorable)
  const failures = [...back.failures, ...(failure === undefined ? [] : [failure])]
  const { parts: count, bytes } = back
  const restored = {
    images: stepSeconds.length,
    parts: count,
    bytes,
    seconds: 0,
    stepSeconds: new Map(stepSeconds),
    failures,
  }
  return { restorable: back.restorable, restored }
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
