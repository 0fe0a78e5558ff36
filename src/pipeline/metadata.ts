import type { Context } from '../runner/context.js'
import type { Pair } from '../runner/input-parsers.js'
import { UserError } from '../errors.js'
import { git } from '../source/git.js'
import { type CommitLabels, commitLabelsOf, withValues } from '../metadata/commit.js'
import { commitOf, type NameContext } from '../metadata/ref-context.js'
import { annotationsOf, commitFacts, type CommitFacts, type Labels, labelsOf } from '../metadata/labels.js'
import { describeNames, type Metadata } from '../metadata/metadata.js'
import { defaultRules } from '../metadata/tag-rules.js'
import { type Names, needsExistingTags, noTags, resolveTags } from '../metadata/tags.js'
import type { Inputs } from '../runner/inputs.js'
import { info, warn } from '../log.js'

/** Everything that an image is called, and what it says of itself. */
export interface ImageNames extends Names {
  readonly labels: Labels
  readonly annotations: Labels
  readonly json: Metadata
  /** What of the labels and annotations says which commit was built, or when. */
  readonly ofCommit: CommitLabels
}

const NOTHING: CommitFacts = { version: undefined, revision: undefined, created: undefined }

/**
 * Works out the names, labels and annotations of an image from the inputs and the event that started the run, and says
 * what is to be said about them.
 * @throws UserError for a line that makes no sense, and where nothing is left to push
 */
export async function nameImage(inputs: Inputs, context: Context): Promise<ImageNames> {
  const names = await nameContext(context)
  const isHighest = inInputs(() => needsExistingTags(inputs.flavor, names))
  const existing = isHighest ? await listTags(context) : undefined
  const resolve = (by: NameContext) =>
    inInputs(() => resolveTags(inputs.images, inputs.tags, inputs.flavor, by, existing))
  const resolved = resolve(names)
  const describe = (commit: CommitFacts) => ({
    labels: inInputs(() => labelsOf(inputs.labels, commit, names)),
    annotations: inInputs(() => annotationsOf(inputs.annotations, commit, names)),
  })
  const all = describe(commitFacts(resolved.version, names))
  if (inputs.push && resolved.references.length === 0) throw noTags(resolved, names)
  // Of the rules that nobody wrote, most never give anything.
  const isExpected = (note: string) => inputs.tags.length === 0 && defaultRules.some((rule) => note.startsWith(rule))
  for (const note of resolved.notes) if (!isExpected(note)) info(`Names: ${note}`)
  for (const text of resolved.warnings) warn(text)
  const ofCommit = commitLabelsOf(all, describe(NOTHING), isOfCommit(resolved, names, resolve))
  return { ...resolved, ...all, ofCommit, json: describeNames(resolved, all.labels, all.annotations) }
}

/** Whether another commit, at another time, would have another version. */
function isOfCommit({ version }: Names, names: NameContext, resolve: (by: NameContext) => Names): boolean {
  const sha = '0'.repeat(40)
  const other = { ...names, sha, prHeadSha: sha, now: new Date(0), commitDate: new Date(0) }
  return resolve(other).version !== version
}

/** The names of an image that an earlier run has built. @param values what it says of the commit that it was built of */
export function asBuilt(names: ImageNames, values: Labels): ImageNames {
  const { ofCommit } = names
  const labels = withValues(names.labels, ofCommit.labels, values)
  const annotations = withValues(names.annotations, ofCommit.annotations, values)
  return { ...names, labels, annotations, json: describeNames(names, labels, annotations) }
}

/** As `name` and `value`, for arguments. */
export function pairsOf(labels: Labels): Pair[] {
  return [...labels].map(([name, value]) => ({ name, value }))
}

async function nameContext(context: Context): Promise<NameContext> {
  const { name, ref, names } = context.event
  const known = { ...names, eventName: name, ref, now: context.now }
  return { ...known, commitDate: names.commitDate ?? (await commitDateOf(commitOf(known), context)) }
}

async function commitDateOf(sha: string, context: Context): Promise<Date | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) return undefined
  const date = new Date((await git(['log', '-1', '--format=%cI', sha], context))?.trim() ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** The tags of the repository: the remote's, which a checkout need not have, and its own; undefined where Git has none. */
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
