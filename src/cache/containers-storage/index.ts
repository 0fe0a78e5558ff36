import { isObject } from '../../lib/json.js'
import type { ContainersStorage, Layout } from '../../build-storage.js'
import type { Part } from '../backends/parts.js'
import { type BlobInfoCache, isBlobInfoCacheName } from './blob-info-cache.js'
import { type ImageRecord, isId, type LayerRecord, readImage, readLayer } from './records.js'

export interface Layer {
  readonly record: LayerRecord
  /** SHA-256 of the part that holds it; '' if it lies in a root that stays. */
  readonly part: string
  /** Digest of its files, where it lies in a root that stays. */
  readonly seal?: string
  /** How its files looked when they last had that digest; absent where that isn't known. */
  readonly stamp?: Stamp
  /** SHA-256 of the part that holds it without the contents of its files, where there is one. */
  readonly skeleton?: string
}

/** By which files are known that nothing has written to since their contents were read. */
export interface Stamp {
  /** Of what can be seen of them without reading them. */
  readonly digest: string
  /** Milliseconds since 1970 when they were read. */
  readonly read: number
}

export interface Image {
  readonly record: ImageRecord
  readonly part: string
  /** Digest of its files, where it lies in a root that stays. */
  readonly seal?: string
  /** Key of the step that gave it; undefined for an image that was pulled. */
  readonly key: string | undefined
  /** Digest of what the steps up to it copied from the context; undefined if that isn't known. */
  readonly content: string | undefined
  /** Milliseconds since 1970 when a run last used it. */
  readonly used: number
  /** Seconds that the step took when it ran. */
  readonly seconds: number
}

/** What a scope's last runs left: which parts hold which layers and images, and what gave them. */
export interface Index {
  /** Version of the Buildah that wrote the newest of it. */
  readonly buildah: string
  readonly layout: Layout
  readonly parts: readonly Part[]
  readonly layers: readonly Layer[]
  readonly images: readonly Image[]
  /** SHA-256 of the part with what cache mounts left, or of the folder that stays; undefined if there is none. */
  readonly mounts: string | undefined
  /** What was pushed where, by digests, as far as `memory` knows of it. */
  readonly pushed: readonly string[]
  /** The blob info cache of Buildah. */
  readonly memory: readonly BlobInfoCache[]
}

/** Raised when an older reader could misunderstand what a newer writer means. */
const FORMAT = 1
const LAYOUTS: readonly Layout[] = [
  ...(['overlay-rootless', 'fuse-overlayfs-rootless', 'vfs-rootless'] as const),
  ...(['overlay-root', 'fuse-overlayfs-root', 'vfs-root'] as const),
]

/** The index of a branch that has nothing yet; pure. */
export function emptyIndex({ version, layout }: Pick<ContainersStorage, 'version' | 'layout'>): Index {
  const nothing = { parts: [], layers: [], images: [], mounts: undefined, pushed: [], memory: [] }
  return { buildah: version, layout, ...nothing }
}

export function formatIndex(index: Index): string {
  return JSON.stringify({ format: FORMAT, ...index })
}

/**
 * Parses the text of an index, every field checked.
 * @throws Error that says what is wrong with it
 */
export function parseIndex(text: string): Index {
  const { format, buildah, layout: written, parts, layers, images, mounts, pushed, memory } = object(JSON.parse(text))
  if (format !== FORMAT) throw new Error(`its format is ${shown(format)} instead of ${FORMAT}`)
  const layout = LAYOUTS.find((known) => known === written)
  if (layout === undefined) throw new Error(`its layout ${shown(written)} is unknown`)
  if (typeof buildah !== 'string' || !/^\d+\.\d+\.\d+$/.test(buildah)) throw new Error('its Buildah version is invalid')
  return {
    buildah,
    layout,
    parts: list(parts).map((value) => {
      const { sha256, bytes, fetched } = object(value)
      return { sha256: id(sha256), bytes: count(bytes), ...(fetched !== undefined && { fetched: count(fetched) }) }
    }),
    layers: list(layers).map((value) => {
      const { record, part, seal, stamp, skeleton } = object(value)
      return {
        ...{ record: readLayer(record), part: partName(part) },
        ...(seal !== undefined && { seal: id(seal) }),
        ...(stamp !== undefined && { stamp: readStamp(object(stamp)) }),
        ...(skeleton !== undefined && { skeleton: id(skeleton) }),
      }
    }),
    images: list(images).map((value) => {
      const { record, part, seal, key, content, used, seconds } = object(value)
      return {
        record: readImage(record),
        part: partName(part),
        ...(seal !== undefined && { seal: id(seal) }),
        key: key === undefined ? undefined : id(key),
        content: content === undefined ? undefined : id(content),
        used: count(used),
        seconds: count(seconds),
      }
    }),
    mounts: mounts === undefined ? undefined : id(mounts),
    pushed: list(pushed).map(id),
    memory: list(memory).map((value) => {
      const { name, content } = object(value)
      if (!isBlobInfoCacheName(name) || typeof content !== 'string')
        throw new Error(`${shown(name)} is not a valid blob info cache`)
      return { name, content }
    }),
  }
}

function readStamp({ digest, read }: Readonly<Record<string, unknown>>): Stamp {
  return { digest: id(digest), read: count(read) }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new Error(`${shown(value)} is not an object`)
  return value
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error('a list is missing')
  return value
}

function id(value: unknown): string {
  if (!isId(value)) throw new Error(`${shown(value)} is not an ID`)
  return value
}

function partName(value: unknown): string {
  return value === '' ? '' : id(value)
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new Error(`${shown(value)} is not a number`)
  return value
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 100)
}
