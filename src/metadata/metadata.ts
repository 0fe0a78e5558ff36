import type { Labels } from './labels.js'
import { formatReference } from './reference.js'
import type { Names } from './tags.js'

/** The output `json`, in the shape that docker/metadata-action gives it. */
export interface MetadataJson {
  readonly tags: readonly string[]
  readonly 'tag-names': readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Each `manifest:name=value`. */
  readonly annotations: readonly string[]
}

/** The output `tags`: all references, or the tags alone where there is no image that they could be applied to. */
export function tagLines({ references, bareTags }: Pick<Names, 'references' | 'bareTags'>): string[] {
  return [...bareTags, ...references.map(formatReference)]
}

export function describeNames(names: Names, labels: Labels, annotations: Labels): MetadataJson {
  return {
    tags: tagLines(names),
    'tag-names': names.tagNames,
    labels: Object.fromEntries(labels),
    annotations: [...annotations].map(([name, value]) => `manifest:${name}=${value}`),
  }
}
