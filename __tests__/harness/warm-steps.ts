import { busyboxImage } from './base-image.js'
import { type CacheService, type CacheServiceOptions, type Job, startCacheService } from './cache-service.js'
import { type FlakyProxy, type Passed, startFlakyProxy } from './flaky-proxy.js'
import type { Wish } from './engines.js'
import type { Files } from './folders.js'
import { type PulledImage, pullImage } from './images.js'
import { startRegistry } from './registry.js'
import type { StepOptions, StepResult } from './runner.js'

/** What differs from a push to main of `acme/NAME:latest`. */
export interface JobOptions extends Partial<Omit<StepOptions, 'workspace'>> {
  /** The checkout, the Dockerfile aside. */
  readonly files?: Files
  /** Whose token it has. */
  readonly token?: Job
}

/** A registry with a base image, and a cache service: all that outlives the machines of the jobs. */
export interface WarmPlace {
  /** Stands in front of the registry, and has seen all that went there. */
  readonly proxy: FlakyProxy
  /** Host and port of the registry itself, past the proxy. */
  readonly registry: string
  /** Reference of an image with busybox. */
  readonly base: string
  readonly service: CacheService
  /**
   * A job on a machine that nobody has used, which builds this and pushes it as `acme/NAME:latest`; every name is a
   * scope of its own.
   * @param wish what the job needs to get its engine
   */
  job(name: string, lines: readonly string[], options?: JobOptions, wish?: Wish): StepOptions
  pull(name: string): Promise<PulledImage>
  stop(): Promise<void>
}

export async function openWarmPlace(options: CacheServiceOptions = {}): Promise<WarmPlace> {
  const registry = await startRegistry()
  const proxy = await startFlakyProxy(registry.host, [])
  await busyboxImage(registry.host)
  const service = await startCacheService(options)
  const base = `${proxy.host}/base/busybox:1`
  return {
    proxy,
    registry: registry.host,
    base,
    service,
    job(name, lines, { files, token, inputs, env, ...more } = {}, wish = { inputs: {} }) {
      const image = { images: `${proxy.host}/acme/${name}`, push: 'true', 'tls-verify': 'false' }
      return {
        ...wish,
        ...more,
        workspace: { Dockerfile: `${[`FROM ${base}`, ...lines].join('\n')}\n`, ...files },
        inputs: { ...image, ...wish.inputs, ...inputs },
        env: { ...service.environment(token), ...env },
      }
    },
    pull: (name) => pullImage(`${registry.host}/acme/${name}:latest`),
    stop: async () => {
      await service.stop()
      await proxy.stop()
      await registry.stop()
    },
  }
}

/** Instructions of a build as Buildah printed them, FROM left out, by what became of them. */
export interface Steps {
  readonly hit: readonly string[]
  readonly ran: readonly string[]
}

/** How many steps Buildah took from the cache, those that labels add included. */
export function countHits({ log }: Pick<StepResult, 'log'>): number {
  return log.match(/^--> Using cache /gm)?.length ?? 0
}

export function stepsOf({ log }: Pick<StepResult, 'log'>): Steps {
  const steps: { text: string; hit: boolean }[] = []
  for (const line of log.split('\n')) {
    const text = /^(?:\[\d+\/\d+\] )?STEP \d+(?:\/\d+)?: (.*)$/.exec(line)?.[1]
    const last = steps.at(-1)
    if (text !== undefined) steps.push({ text, hit: false })
    else if (last !== undefined && line.startsWith('--> Using cache ')) last.hit = true
  }
  // Nor the labels that every image has by default.
  const own = steps.filter(({ text }) => !/^(FROM |COMMIT\b|LABEL "org\.opencontainers\.image\.)/.test(text))
  const textsOf = (hit: boolean): string[] => own.filter((step) => step.hit === hit).map(({ text }) => text)
  return { hit: textsOf(true), ran: textsOf(false) }
}

/** The output `cache-stats`. */
export function statsOf({ outputs }: StepResult): Record<string, number> {
  return JSON.parse(outputs['cache-stats'] ?? '') as Record<string, number>
}

/** Holds that `cache-hit` is so; where it isn't, the log says why. */
export function expectHit({ outputs, log }: StepResult, hit: 'full' | 'partial' | 'none'): void {
  const got = outputs['cache-hit']
  if (got !== hit) throw new Error(`cache-hit is ${String(got)} and not ${hit}; the log:\n${log}`)
}

/** Runs something, and gives what went to the registry meanwhile. */
export async function watchRegistry<T>(proxy: FlakyProxy, act: () => Promise<T>): Promise<{ result: T; went: Went }> {
  const before = proxy.requests.length
  const result = await act()
  const requests = proxy.requests.slice(before)
  return { result, went: { blobsUp: blobsUp(requests), blobsDown: blobsDown(requests) } }
}

/** How many requests moved a layer or a configuration. */
export interface Went {
  readonly blobsUp: number
  readonly blobsDown: number
}

function blobsUp(requests: readonly Passed[]): number {
  return requests.filter(({ method, path }) => /^(PUT|PATCH)$/.test(method) && path.includes('/blobs/uploads/')).length
}

function blobsDown(requests: readonly Passed[]): number {
  return requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/sha256:')).length
}

/** How many entries somebody wanted to make. */
export function uploads(service: CacheService): number {
  const { CreateCacheEntry = 0, reserveCache = 0 } = service.counters().calls as Readonly<Record<string, number>>
  return CreateCacheEntry + reserveCache
}

/** Warnings of main, as the runner is told them. */
export function warnings({ log }: Pick<StepResult, 'log'>): string[] {
  return log.split('\n').filter((line) => line.startsWith('::warning'))
}

/** Keys of parts and indexes that were looked for more than once. */
export function askedTwice({ requests }: CacheService): string[] {
  const lookups = requests.filter(({ call }) => call === 'GetCacheEntryDownloadURL' || call === 'getCacheEntry')
  const keys = lookups.flatMap((request) => request.keys)
  return keys.filter((key, place) => keys.indexOf(key) < place)
}
