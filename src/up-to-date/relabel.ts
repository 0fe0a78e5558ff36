import { createHash } from 'node:crypto'
import type { Pair } from '../runner/input-parsers.js'
import { isObject, objectOf, parseObject } from '../lib/json.js'
import type { Blob, Manifest } from '../registry/manifest.js'
import type { Unknown } from './base-digests.js'

/** What an image is to say of itself. */
export interface Sayings {
  readonly labels: readonly Pair[]
  readonly annotations: readonly Pair[]
}

/** The same image with other labels. */
export interface Relabelled {
  readonly config: Blob
  readonly manifest: Manifest
}

/** Kinds of configurations that have labels, and the manifests that they are of. */
const CONFIGS: ReadonlyMap<unknown, string> = new Map([
  ['application/vnd.oci.image.config.v1+json', 'application/vnd.oci.image.manifest.v1+json'],
  ['application/vnd.docker.container.image.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'],
])

/** By which a step is known that was added here. */
const COMMENT = 'relabelled by rootless-image-build'

/**
 * Gives an image other labels and annotations, as a step LABEL on top of it would: the same layers, with a configuration
 * and a manifest that follow from what was there, so that two runs make the same of it. Pure.
 * @param config bytes of its configuration
 * @returns or why that can't be done, as a sentence without its full stop
 */
export function relabel(manifest: Manifest, config: Buffer, sayings: Sayings): Relabelled | Unknown {
  const before = parseObject(manifest.bytes.toString('utf8'))
  const descriptor = objectOf(before['config'])
  if (CONFIGS.get(descriptor['mediaType']) !== manifest.mediaType)
    return { why: "its manifest isn't that of a single image" }
  const image = parseObject(config.toString('utf8'))
  if (!isObject(image['config']) || !Array.isArray(image['history']))
    return { why: "its configuration can't hold labels" }
  const changed = blobOf({
    ...image,
    config: withLabels(image['config'], sayings.labels),
    // Docker's format may have it twice.
    ...(isObject(image['container_config']) && {
      container_config: withLabels(image['container_config'], sayings.labels),
    }),
    history: [...withoutStep(image['history']), stepFor(image['created'], sayings.labels)],
  })
  const isOci = manifest.mediaType.includes('.oci.')
  const made = blobOf({
    ...before,
    config: { mediaType: descriptor['mediaType'], digest: changed.digest, size: changed.bytes.length },
    // A registry may have got the image in Docker's format, which has no place for them.
    ...(isOci &&
      sayings.annotations.length > 0 && { annotations: withPairs(before['annotations'], sayings.annotations) }),
  })
  return { config: changed, manifest: { ...made, mediaType: manifest.mediaType, size: made.bytes.length } }
}

function withLabels(config: Readonly<Record<string, unknown>>, labels: readonly Pair[]): object {
  return { ...config, Labels: withPairs(config['Labels'], labels) }
}

function withPairs(before: unknown, pairs: readonly Pair[]): object {
  const all = new Map([...Object.entries(objectOf(before)), ...pairs.map(({ name, value }) => [name, value] as const)])
  return Object.fromEntries([...all].sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Without the step of an earlier time: labels that were given twice are not told twice. */
function withoutStep(history: readonly unknown[]): readonly unknown[] {
  return objectOf(history.at(-1))['comment'] === COMMENT ? history.slice(0, -1) : history
}

/** A step that has no layer, as engines write one down. Its time is that of the image: nothing else in it is newer. */
function stepFor(created: unknown, labels: readonly Pair[]): object {
  const written = labels.map(({ name, value }) => `${JSON.stringify(name)}=${JSON.stringify(value)}`).join(' ')
  return {
    ...(typeof created === 'string' && { created }),
    created_by: `LABEL ${written}`,
    comment: COMMENT,
    empty_layer: true,
  }
}

function blobOf(value: object): Blob {
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
}
