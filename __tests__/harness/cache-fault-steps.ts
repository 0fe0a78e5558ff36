import { randomBytes } from 'node:crypto'

import { afterAll, expect } from '@jest/globals'

import { busyboxImage } from './base-image.js'
import { type CacheService, type CacheServiceOptions, type Job, startCacheService } from './cache-service.js'
import { succeed } from './clean-step.js'
import { removeFolders } from './folders.js'
import { type ImageFile, imageFiles, pullImage } from './images.js'
import { startRegistry } from './registry.js'
import { runAction, type StepOptions, type StepResult } from './runner.js'
import { readCommands } from './workflow-commands.js'

/** What decides about an image and what it does, without times and digests. */
export interface ImageContent {
  readonly files: Readonly<Record<string, ImageFile>>
  readonly config: unknown
  readonly history: readonly unknown[]
}

/** A registry, a build, and the image that it gives without any cache. */
export interface Stand {
  readonly host: string
  readonly base: string
  /** Where the build pushes to. */
  readonly reference: string
  readonly image: ImageContent
  /** The build, with further inputs. */
  step(inputs: Readonly<Record<string, string>>, more?: Omit<StepOptions, 'inputs'>): StepOptions
  stop(): Promise<void>
}

export const STEPS = 5

/** Of its size, one layer becomes a part of its own; a run with more than 8 MiB of new layers leaves them to post. */
export async function setUpStand(bigBytes = 5 * 2 ** 20): Promise<Stand> {
  const registry = await startRegistry()
  const base = await busyboxImage(registry.host)
  const reference = `${registry.host}/acme/web`
  const workspace = { Dockerfile: dockerfileOn(base), big: randomBytes(bigBytes), small: 'small' }
  const step: Stand['step'] = (inputs, more = {}) => ({
    // Every part is needed: what isn't fetched can't be at fault.
    inputs: { images: reference, push: 'true', 'tls-verify': 'false', skeletons: 'off', ...inputs },
    workspace,
    ...more,
  })
  await succeed(step({ cache: 'off' }))
  const image = await contentOf(reference)
  return { host: registry.host, base, reference, image, step, stop: () => registry.stop() }
}

/**
 * Sets both up for all tests of a file; they are gone after them, and so is every folder that they have made.
 * @param options the service's
 */
export async function useStand(
  options: CacheServiceOptions = {},
  bigBytes?: number,
): Promise<{ readonly stand: Stand; readonly service: CacheService }> {
  const stand = await setUpStand(bigBytes)
  const service = await startCacheService(options)
  afterAll(async () => {
    await service.stop()
    await stand.stop()
    await removeFolders()
  })
  return { stand, service }
}

/** A big layer, small ones, something removed: nothing that time or chance decides. */
function dockerfileOn(base: string): string {
  return `FROM ${base}
COPY big /srv/big
ENV COLOUR=blue
RUN mkdir /srv/made && echo made > /srv/made/one && rm /etc/group && ln -s one /srv/made/two
COPY small /srv/small
CMD ["/bin/true"]
`
}

/** The build of a job that this service serves. Builds of other scopes find nothing of it. */
export function jobStep(
  stand: Stand,
  service: CacheService,
  inputs: Readonly<Record<string, string>>,
  { job, ...more }: Omit<StepOptions, 'inputs'> & { readonly job?: Job | undefined } = {},
): StepOptions {
  return stand.step(inputs, { ...more, env: { ...service.environment(job), ...more.env } })
}

/** The texts of all warnings of a step, those of post at the end. */
export function warningsOf({ log, post }: Pick<StepResult, 'log' | 'post'>): string[] {
  return [log, post?.log ?? ''].flatMap((text) =>
    readCommands(text)
      .commands.filter(({ name }) => name === 'warning')
      .map(({ value }) => value),
  )
}

export async function contentOf(reference: string): Promise<ImageContent> {
  const image = await pullImage(reference)
  return {
    files: Object.fromEntries(imageFiles(image)),
    config: image.config.config,
    history: (image.config.history ?? []).map(({ created_by, empty_layer }) => ({
      // The digest of what was copied has in it who owns the checkout.
      created_by: created_by?.replaceAll(/file:[0-9a-f]{64}/g, 'file:…'),
      empty_layer,
    })),
  }
}

/**
 * Runs the build where something troubles it. It must end well all the same: with the image that a build without any
 * cache gives, and with nothing left.
 */
export async function withstand({ reference, image }: Stand, options: StepOptions): Promise<StepResult> {
  const step = await runAction(options)
  const log = `${step.log}\n--- post ---\n${step.post?.log ?? ''}`
  if (step.exitCode !== 0 || step.post?.exitCode !== 0) {
    throw new Error(
      `Main ended with ${step.exitCode}, post with ${step.post?.exitCode ?? 'nothing'}; their log:\n${log}`,
    )
  }
  expect(log).not.toMatch(/^::error/m)
  expect({ left: step.leftInTemp, running: step.leftRunning }).toStrictEqual({ left: [], running: [] })
  expect((await pullImage(reference)).digest).toBe(step.outputs['digest'])
  expect(await contentOf(reference)).toStrictEqual(image)
  return step
}

/** Runs the build where nothing troubles it any more: not even a warning is left. */
export async function recover(stand: Stand, options: StepOptions): Promise<StepResult> {
  const step = await withstand(stand, options)
  expect(warningsOf(step)).toStrictEqual([])
  return step
}
