import type { Context } from '../../runner/context.js'
import type { Pair } from '../../runner/input-parsers.js'
import { UserError } from '../../errors.js'
import { type CommitLabels, commitLabelsOf, withValues } from '../../metadata/commit.js'
import type { NameContext } from '../../metadata/ref-context.js'
import {
  annotationsOf,
  commitFacts,
  type CommitFacts,
  type Labels,
  labelsOf,
  remarksOn,
} from '../../metadata/labels.js'
import { describeNames, type MetadataJson } from '../../metadata/metadata.js'
import { type Names, needsExistingTags, noTags, resolveTags } from '../../metadata/tags.js'
import type { Inputs } from '../../runner/inputs.js'
import { info, warn } from '../../log.js'
import { type Annotations, annotationsIn, idleAnnotations } from './annotations.js'
import { listTags, nameContext } from './name-context.js'

/** Everything that an image is called, and what it says of itself. */
export interface Metadata extends Names, Annotations {
  readonly labels: Labels
  readonly json: MetadataJson
  /** What of the labels and annotations says which commit was built, or when. */
  readonly ofCommit: CommitLabels
}

const NOTHING: CommitFacts = { version: undefined, revision: undefined, created: undefined }

/**
 * Works out the names, labels and annotations of an image from the inputs and the event that started the run, and says
 * what is to be said about them.
 * @throws UserError for a line that makes no sense, and where nothing is left to push
 */
export async function resolveMetadata(given: Inputs, context: Context): Promise<Metadata> {
  const names = await nameContext(context)
  const divided = inInputs(() => annotationsIn(given, names))
  const { ofManifests, leveled } = divided
  const inputs = { ...given, annotations: ofManifests }
  const isHighest = inInputs(() => needsExistingTags(inputs.flavor, names))
  const existing = isHighest ? await listTags(context) : undefined
  const resolve = (by: NameContext) =>
    inInputs(() => resolveTags({ images: inputs.images, tags: inputs.tags, flavor: inputs.flavor }, by, existing))
  const resolved = resolve(names)
  const describe = (commit: CommitFacts) => ({
    labels: inInputs(() => labelsOf(inputs.labels, commit, names)),
    annotations: inInputs(() => annotationsOf(inputs.annotations, commit, names)),
  })
  const commit = commitFacts(resolved.version, names)
  const time = inputs.timestamp?.seconds
  const all = describe(time === undefined ? commit : { ...commit, created: new Date(time * 1000) })
  if (inputs.push && resolved.references.length === 0) throw noTags(resolved, names)
  tell(
    'Names',
    resolved.notes.filter((note) => !resolved.expected.has(note)),
    resolved.warnings,
  )
  for (const [topic, input] of [
    ['Labels', 'labels'],
    ['Annotations', 'annotations'],
  ] as const) {
    const { notes, warnings } = remarksOn(input, inputs[input], names)
    tell(topic, notes, warnings)
  }
  tell('Annotations', [], idleAnnotations(given, divided))
  const empty = emptyOfSchedule(all.labels, context.event)
  if (empty.length > 0)
    info(`Labels: left empty: ${empty.join(' and ')}; a schedule event doesn't describe the repository`)
  const ofCommit = commitLabelsOf(all, describe(NOTHING), isOfCommit(resolved, names, resolve))
  return { ...resolved, ...all, leveled, ofCommit, json: describeNames(resolved, all.labels, all.annotations) }
}

function tell(topic: string, notes: readonly string[], warnings: readonly string[]): void {
  for (const note of notes) info(`${topic}: ${note}`)
  for (const text of warnings) warn(text)
}

/** The default labels that a run by schedule can't fill in. */
function emptyOfSchedule(labels: Labels, { name, names }: Context['event']): string[] {
  if (name !== 'schedule' || names.repository.known) return []
  return ['description', 'licenses']
    .map((key) => `org.opencontainers.image.${key}`)
    .filter((key) => labels.get(key) === '')
}

/** Whether another commit, at another time, would have another version. */
function isOfCommit({ version }: Names, names: NameContext, resolve: (by: NameContext) => Names): boolean {
  const sha = '0'.repeat(40)
  const other = { ...names, sha, prHeadSha: sha, now: new Date(0), commitDate: new Date(0) }
  return resolve(other).version !== version
}

/** The names of an image that an earlier run has built. @param values what it says of the commit that it was built of */
export function asBuilt(names: Metadata, values: Labels): Metadata {
  const { ofCommit } = names
  const labels = withValues(names.labels, ofCommit.labels, values)
  const annotations = withValues(names.annotations, ofCommit.annotations, values)
  return { ...names, labels, annotations, json: describeNames(names, labels, annotations) }
}

/** As `name` and `value`, for arguments. */
export function pairsOf(labels: Labels): Pair[] {
  return [...labels].map(([name, value]) => ({ name, value }))
}

/** The grammar of names says which input it is about, by its plain name. */
function inInputs<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(error.message.replace(/^([\w-]+):/, 'Input "$1":'), error.hint, { cause: error.cause })
  }
}
