import type { Labels } from './labels.js'
import { formatReference } from './reference.js'
import type { Names } from './tags.js'

/** The output `json`, in the shape that docker/metadata-action gives it. */
export interface Metadata {
  readonly tags: readonly string[]
  readonly 'tag-names': readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Each `manifest:name=value`. */
  readonly annotations: readonly string[]
}

export function describeNames(names: Names, labels: Labels, annotations: Labels): Metadata {
  return {
    tags: names.references.map(formatReference),
    'tag-names': names.tagNames,
    labels: Object.fromEntries(labels),
    annotations: [...annotations].map(([name, value]) => `manifest:${name}=${value}`),
  }
}
