import { lstat, rm } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import type { Layout } from '../../build-storage.js'
import { type BackgroundProgram, startInBackground } from '../../lib/background-program.js'
import { freeBytes } from '../../lib/disk-space.js'
import type { Part } from '../backends/parts.js'
import { partPath } from '../key.js'
import type { PackedGroup, PackingAhead } from '../snapshot.js'
import { archiveArgs } from './archive.js'
import { placesOf, readContents } from './layout.js'
import { levelLayers, type Packer, take } from './pack.js'
import type { LayerRecord } from './records.js'
import { BIG_LAYER } from './retention.js'

/** Beside what is packed, this much must be free: the build needs it more. */
const MIN_FREE_BYTES = 2 ** 30
const MIN_FREE_MEMORY = 2 ** 29
/** How often that is looked at while something is packed. */
const LOOK_INTERVAL_MS = 1000

/** Whether so many bytes can be written, and memory is left, without the build missing them. */
export type HasRoom = (bytes: number) => Promise<boolean>

/** What else is done beside packing. */
export interface PackingOptions {
  /** Is called for each part when it lies in the staging directory. */
  readonly onPacked?: (part: Part) => void
  readonly hasRoom?: HasRoom
}

/**
 * Packs the large layers of a root while its build goes on: one at a time, in the background. Each becomes the very part
 * that it would become after the build, in the staging directory; it is one of the cache when an index names it, and not
 * before.
 * @param known ids of layers that parts hold already
 */
export function packAhead(
  root: string,
  known: ReadonlySet<string>,
  place: Packer,
  { onPacked, hasRoom = (bytes) => hasRoomIn(place.stagingDir, bytes) }: PackingOptions = {},
): PackingAhead {
  const { store, stagingDir } = place
  const tried = new Set(known)
  const packed: PackedGroup[] = []
  const state = { isAsked: false, isOver: false, isClosed: false }
  let program: BackgroundProgram | undefined
  let working: Promise<void> | undefined
  const giveUp = async () => {
    state.isOver = true
    program?.end()
    // What is packed takes room as well.
    const parts = packed.splice(0)
    await Promise.all(parts.map(({ part }) => rm(join(stagingDir, partPath(part.sha256)), { force: true })))
  }
  const begin = (begun: BackgroundProgram) => {
    program = begun
    if (state.isClosed) begun.end()
  }
  const work = async () => {
    while (state.isAsked) {
      state.isAsked = false
      for (const layer of await finishedLayers(root, store.layout)) {
        if (state.isOver) return
        if (tried.has(layer.id)) continue
        tried.add(layer.id)
        const part = await packLayer(layer, root, place, { hasRoom, begin, giveUp })
        if (part === undefined) continue
        packed.push({ ids: [layer.id], part })
        onPacked?.(part)
      }
    }
  }
  return {
    async look() {
      if (state.isOver) return
      state.isAsked = true
      // What can't be packed now is packed after the build, and then is said why it can't.
      working ??= work()
        .catch(() => undefined)
        .finally(() => (working = undefined))
      await working
    },
    stop() {
      state.isOver = true
    },
    async close() {
      state.isOver = true
      state.isClosed = true
      program?.end()
      await working
      return packed
    },
  }
}

/** The part that a group has become already; undefined if it has to be packed. @param ids of what is in it */
export async function partAhead(
  ids: readonly string[],
  packed: readonly PackedGroup[],
  stagingDir: string,
): Promise<Part | undefined> {
  const found = packedOf(ids, packed)
  if (found === undefined || found.isSent === true) return found?.part
  const { part } = found
  const file = await lstat(join(stagingDir, partPath(part.sha256))).catch(() => undefined)
  return file?.size === part.bytes ? part : undefined
}

/** Whether a group needn't be packed, nor sent. Pure. */
export function isSentAhead(ids: readonly string[], packed: readonly PackedGroup[]): boolean {
  return packedOf(ids, packed)?.isSent === true
}

function packedOf(ids: readonly string[], packed: readonly PackedGroup[]): PackedGroup | undefined {
  return packed.find((one) => one.ids.join() === ids.join())
}

/** Removes what was packed of layers that aren't kept, or not by themselves. @param kept ids of what is in each group */
export async function dropUnkept(
  kept: readonly (readonly string[])[],
  packed: readonly PackedGroup[],
  stagingDir: string,
): Promise<void> {
  const others = packed.filter(({ ids }) => !kept.some((one) => one.join() === ids.join()))
  await Promise.all(others.map(({ part }) => rm(join(stagingDir, partPath(part.sha256)), { force: true })))
}

/** Large layers that images stand on: those of containers aren't finished. */
async function finishedLayers(root: string, layout: Layout): Promise<LayerRecord[]> {
  const { layers, images } = await readContents(root, layout)
  const all = new Map(layers.map((layer) => [layer.id, layer]))
  const under = new Set<string>()
  for (const { layer } of images) {
    for (let id = layer; id !== undefined && !under.has(id); id = all.get(id)?.parent) under.add(id)
  }
  return layers.filter((layer) => under.has(layer.id) && (layer['diff-size'] ?? 0) >= BIG_LAYER)
}

/** What a layer is packed under. */
interface Conditions {
  readonly hasRoom: HasRoom
  /** Gets what packs, so that it can be ended. */
  readonly begin: (program: BackgroundProgram) => void
  /** Is called when there is no room any more. */
  readonly giveUp: () => Promise<void>
}

/** @returns undefined where it was ended, or can't be packed; nothing of it is left then */
async function packLayer(
  layer: LayerRecord,
  root: string,
  place: Packer,
  { hasRoom, begin, giveUp }: Conditions,
): Promise<Part | undefined> {
  const { store } = place
  if (!(await hasRoom(layer['diff-size'] ?? 0))) return undefined
  await levelLayers([{ layers: [layer], images: [] }], root, store)
  const name = `ahead-${layer.id}.tar.zst`
  const program = await startPacking(layer, name, root, place)
  begin(program)
  const looking = setInterval(() => {
    void hasRoom(0)
      .then((has) => (has ? undefined : giveUp()))
      .catch(() => undefined)
  }, LOOK_INTERVAL_MS)
  const isPacked = await program.succeeded
  clearInterval(looking)
  if (isPacked) return await take(name, place)
  await rm(join(store.folder, 'parts', name), { force: true })
  return undefined
}

async function startPacking(
  { id }: LayerRecord,
  name: string,
  root: string,
  { store, tools }: Packer,
): Promise<BackgroundProgram> {
  const file = join(store.folder, 'parts', name)
  const members = placesOf(store.layout).ofLayer(id)
  const argv = [...store.enter, ...archiveArgs(tools.tar, tools.slowCompressor, root, file), ...members]
  return await startInBackground(argv, { env: store.env, cwd: store.folder })
}

async function hasRoomIn(folder: string, bytes: number): Promise<boolean> {
  const memory = Math.min(freemem(), process.availableMemory())
  return memory >= MIN_FREE_MEMORY && (await freeBytes(folder)) >= MIN_FREE_BYTES + bytes
}
