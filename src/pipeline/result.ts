import type { EngineFacts, Image, Pushed } from '../engine/engine.js'
import type { Step } from '../engine/progress.js'
import { formatPlatform, type Platform } from '../lib/platform.js'
import { isForeign } from '../runner/platform-inputs.js'
import type { Descriptor } from '../registry/manifest.js'
import { type CacheReport, joinReports, NO_CACHE_REPORT, reportUnchanged } from '../report/cache-stats.js'
import type { Phase } from '../report/timeline.js'
import type { Unchanged } from '../up-to-date/reuse.js'
import { asBuilt, type Metadata } from './prepare/metadata.js'

/** What became of one image. */
export interface ImageResult {
  /** False where it was the image of an earlier run, or a dry run. */
  readonly built: boolean
  /** When an earlier run built it; undefined if this one did. */
  readonly builtEarlier?: Date
  /** '' in a dry run, and of several platforms. */
  readonly imageId: string
  /** Of the image; undefined if that isn't known. */
  readonly size?: Image['size']
  readonly pushed: readonly Pushed[]
  /** Undefined where nothing was asked to build. */
  readonly engine: EngineFacts | undefined
  readonly cache: CacheReport
  /** Path of a storage.conf(5) by which later steps find the image where it was built; '' if there is none. */
  readonly storageConf: string
  /** Of the build, in their order; empty where nothing was built. */
  readonly steps: readonly Step[]
}

/** What the step did. */
export interface Result extends ImageResult {
  readonly metadata: Metadata
  /** Of several platforms, what became of each, in the order of the input; else empty. */
  readonly platforms: readonly PlatformResult[]
  /** What became of stages that they share; absent where none were built. */
  readonly stages?: StagesResult
  /** Of the index of several platforms, where it was pushed. */
  readonly descriptor?: Descriptor
  /** Digests of manifests, by their platforms: `linux/arm64`. Empty where nothing was pushed. */
  readonly platformDigests: Readonly<Record<string, string>>
  /** Whether this step has put an index of what several steps have built under the references. */
  readonly joined?: boolean
  /** Commands that verify what was attested; empty where nothing was. */
  readonly verifications: readonly string[]
  readonly phases: readonly Phase[]
}

/** A result that nobody has signed yet. */
export type Made = Omit<Result, 'phases' | 'verifications'>

/** What became of the stages that several platforms share. */
export interface StagesResult extends Pick<ImageResult, 'cache' | 'steps'> {
  /** `stage build` */
  readonly label: string
}

export interface PlatformResult extends ImageResult {
  readonly platform: Platform
}

/** Of an image that needn't be built. @param requests calls to the cache service */
export function reusedResult(
  { build, pushed }: Unchanged,
  metadata: Metadata,
  engine: EngineFacts,
  requests: number,
): Omit<Made, 'platforms' | 'platformDigests'> {
  const { imageId, steps, seconds, builtAt, said } = build
  return {
    metadata: asBuilt(metadata, said),
    built: false,
    builtEarlier: new Date(builtAt),
    imageId,
    pushed,
    engine,
    cache: reportUnchanged(steps, seconds, requests),
    storageConf: '',
    steps: [],
  }
}

/** What became of several images, as one, with the stages that they share. Pure. */
export function joinResults(platforms: readonly PlatformResult[], stages?: StagesResult): Omit<Made, 'metadata'> {
  const [first] = platforms
  if (first === undefined) throw new Error('no platform was built')
  const earlier = platforms.flatMap(({ builtEarlier }) => builtEarlier ?? [])
  const built = platforms.some((one) => one.built)
  return {
    ...{ built, platforms, imageId: '', pushed: [], engine: first.engine, steps: [] },
    ...(!built &&
      earlier[0] !== undefined && { builtEarlier: earlier.reduce((one, other) => (other > one ? other : one)) }),
    ...(stages !== undefined && { stages }),
    cache: joinReports([...(stages === undefined ? [] : [stages]), ...platforms].map(({ cache }) => cache)),
    storageConf: platforms.find(({ platform }) => !isForeign(platform))?.storageConf ?? '',
    platformDigests: Object.fromEntries(
      platforms.flatMap(({ platform, pushed: [pushed] }) =>
        pushed === undefined ? [] : [[formatPlatform(platform), imageDigest(pushed)]],
      ),
    ),
  }
}

/** Of the manifest of an image, whatever is attached to it. Pure. */
export function imageDigest({ digest, image = digest }: Pushed): string {
  return image
}

/** Of an index of images that were in the registry already. Pure. @param entries the manifests of its platforms */
export function joinedResult(
  put: Pick<Result, 'pushed' | 'descriptor'>,
  metadata: Metadata,
  entries: readonly { readonly platform: Platform; readonly digest: string }[],
): Made {
  const digests = entries.map(({ platform, digest }) => [formatPlatform(platform), digest] as const)
  return {
    ...{ built: false, imageId: '', engine: undefined, cache: NO_CACHE_REPORT, storageConf: '', steps: [] },
    ...{ platforms: [], metadata, ...put, joined: put.pushed.length > 0 },
    platformDigests: Object.fromEntries(digests),
  }
}
