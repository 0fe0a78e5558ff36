import type { Context } from '../runner/context.js'
import type { Pair } from '../runner/input-parsers.js'
import { UserError } from '../errors.js'
import type { Event } from '../runner/event.js'
import { git } from '../source/git.js'
import { type CommitLabels, commitLabelsOf, withValues } from '../metadata/commit.js'
import { commitOf, type NameContext } from '../metadata/ref-context.js'
import { annotationsOf, commitFacts, type CommitFacts, type Labels, labelsOf, remarksOn } from '../metadata/labels.js'
import { describeNames, type MetadataJson } from '../metadata/metadata.js'
import { type Names, needsExistingTags, noTags, resolveTags } from '../metadata/tags.js'
import { divideAnnotations, type DividedAnnotations, type LeveledAnnotation } from '../metadata/annotation-levels.js'
import { formatPlatform, type Platform } from '../lib/platform.js'
import type { Inputs } from '../runner/inputs.js'
import { info, warn } from '../log.js'

/** Everything that an image is called, and what it says of itself. */
export interface Metadata extends Names {
  readonly labels: Labels
  readonly annotations: Labels
  /** Of several platforms: what belongs to the index, or to the image of one of them. */
  readonly leveled: readonly LeveledAnnotation[]
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
  const { ofManifests, leveled } = inInputs(() => annotationsIn(given, names))
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
  const all = describe(commitFacts(resolved.version, names))
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
  const empty = emptyOfSchedule(all.labels, context.event)
  if (empty.length > 0)
    info(`Labels: left empty: ${empty.join(' and ')}; a schedule event doesn't describe the repository`)
  const ofCommit = commitLabelsOf(all, describe(NOTHING), isOfCommit(resolved, names, resolve))
  return { ...resolved, ...all, leveled, ofCommit, json: describeNames(resolved, all.labels, all.annotations) }
}

function annotationsIn({ annotations, platforms }: Inputs, names: NameContext): DividedAnnotations {
  return platforms.length > 1 ? divideAnnotations(annotations, names) : { ofManifests: annotations, leveled: [] }
}

/** The annotations of the manifest of one of several platforms. Pure. */
export function annotationsFor({ annotations, leveled }: Metadata, platform: Platform): Labels {
  const own = leveled.filter((one) => one.level === 'manifest' && one.platform === formatPlatform(platform))
  return new Map([...annotations, ...own.map(({ name, value }) => [name, value] as const)])
}

function tell(topic: string, notes: readonly string[], warnings: readonly string[]): void {
  for (const note of notes) info(`${topic}: ${note}`)
  for (const text of warnings) warn(text)
}

/** The default labels that a run by schedule can't fill in. */
function emptyOfSchedule(labels: Labels, { name, names }: Event): string[] {
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

/** The annotations of an index, or of what names an image in it. Pure. @param platform that these are of; all where it is left out */
export function annotationsAt(
  { leveled }: Pick<Metadata, 'leveled'>,
  level: LeveledAnnotation['level'],
  platform?: Platform,
): { readonly annotations: Readonly<Record<string, string>> } {
  const isMeant = (one: LeveledAnnotation) =>
    one.level === level && (one.platform === undefined || (platform && formatPlatform(platform)) === one.platform)
  return { annotations: Object.fromEntries(leveled.filter(isMeant).map(({ name, value }) => [name, value])) }
}

/** As `name` and `value`, for arguments. */
export function pairsOf(labels: Labels): Pair[] {
  return [...labels].map(([name, value]) => ({ name, value }))
}

async function nameContext(context: Context): Promise<NameContext> {
  const { name, ref, names } = context.event
  const shortShaLength = digitsOf(names.shortShaLength)
  const known = { ...names, shortShaLength, eventName: name, ref, now: context.now }
  return { ...known, commitDate: names.commitDate ?? (await commitDateOf(commitOf(known), context)) }
}

/** The digits of a short commit; undefined if the variable of docker/metadata-action is not set. */
function digitsOf(text: string): number | undefined {
  if (text.trim() === '') return undefined
  if (/^\s*\d+\s*$/.test(text) && Number(text) > 0) return Number(text)
  throw new UserError(
    `Variable "DOCKER_METADATA_SHORT_SHA_LENGTH": got ${JSON.stringify(text)}.`,
    'Write the number of commit digits in a tag, such as `DOCKER_METADATA_SHORT_SHA_LENGTH: 12`, or remove it for 7.',
  )
}

async function commitDateOf(sha: string, context: Context): Promise<Date | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) return undefined
  const date = new Date((await git(['log', '-1', '--format=%cI', sha], context))?.trim() ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** The tags of the repository: the remote's, which a checkout need not have, and its own; undefined if Git has none. */
async function listTags(context: Context): Promise<string[] | undefined> {
  const [remote, own] = await Promise.all([
    git(['ls-remote', '--tags', '--refs', 'origin'], context),
    git(['tag', '--list'], context),
  ])
  const lines = (text = '') => text.split('\n').filter((line) => line !== '')
  const tags = [...lines(remote).map((line) => line.replace(/^.*refs\/tags\//, '')), ...lines(own)]
  return tags.length === 0 ? undefined : [...new Set(tags)]
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
