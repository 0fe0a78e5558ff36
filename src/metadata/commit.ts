import type { Labels } from './labels.js'

/** Labels and annotations of the default that another commit, or another time, alone makes others: by their names. */
export interface CommitLabels {
  readonly labels: ReadonlySet<string>
  readonly annotations: ReadonlySet<string>
  /** What they say. */
  readonly values: Labels
}

const OCI = 'org.opencontainers.image.'
export const REVISION = `${OCI}revision`
const CREATED = `${OCI}created`
const VERSION = `${OCI}version`

/** All that can be one of them. */
export const COMMIT_LABELS: readonly string[] = [CREATED, REVISION, VERSION]

/**
 * Which labels and annotations these are; those that the user wrote never are. Pure.
 * @param own labels and annotations without those of the default
 * @param isVersion whether the commit or the time is in the version
 */
export function commitLabelsOf(
  all: { readonly labels: Labels; readonly annotations: Labels },
  own: { readonly labels: Labels; readonly annotations: Labels },
  isVersion: boolean,
): CommitLabels {
  const candidates = isVersion ? COMMIT_LABELS : [CREATED, REVISION]
  const left = (kind: 'labels' | 'annotations') =>
    new Set(candidates.filter((name) => all[kind].has(name) && !own[kind].has(name)))
  const [labels, annotations] = [left('labels'), left('annotations')]
  const valueOf = (name: string) => (labels.has(name) ? all.labels : all.annotations).get(name) ?? ''
  const names = candidates.filter((name) => labels.has(name) || annotations.has(name))
  return { labels, annotations, values: new Map(names.map((name) => [name, valueOf(name)])) }
}

/** The same labels with what an image that is there already says of its commit. Pure. */
export function withValues(labels: Labels, names: ReadonlySet<string>, values: Labels): Labels {
  return new Map([...labels].map(([name, value]) => [name, names.has(name) ? (values.get(name) ?? value) : value]))
}
