import { UserError } from '../errors.js'
import { commitDateOf, commitOf, globalExpressions, type NameContext } from './ref-context.js'
import { render, type Expressions } from './template.js'
import { atLine } from './csv-line.js'
import { quote } from '../lib/quote.js'

/** Labels or annotations: names and values, sorted by name. */
export type Labels = ReadonlyMap<string, string>

/** What the labels of the default say of the commit; what isn't known is left out. */
export interface CommitFacts {
  readonly version: string | undefined
  readonly revision: string | undefined
  readonly created: Date | undefined
}

/**
 * The labels of an image: the eight of github.com/opencontainers/image-spec/blob/main/annotations.md that are known, and
 * the user's own, which win.
 *
 * @param entries of the input `labels`, each `name=value`; a value may have any characters
 * @param commit what the image comes from
 * @throws UserError that shows the entry
 */
export function labelsOf(entries: readonly string[], commit: CommitFacts, context: NameContext): Labels {
  return merge('labels', entries, commit, context)
}

/** The same for the annotations of the manifest; `manifest:` may stand before the name of one. */
export function annotationsOf(entries: readonly string[], commit: CommitFacts, context: NameContext): Labels {
  return merge(
    'annotations',
    entries.map((entry) => atLine('annotations', entry, () => ofManifest(entry))),
    commit,
    context,
  )
}

/**
 * One a line, as the outputs have them: `level` is `manifest:` for annotations. An entry that would not be one line, or
 * would be taken for a quoted one, is quoted as CSV has it, which the inputs of the same name read.
 */
export function listLabels(labels: Labels, level: '' | 'manifest:' = ''): string {
  return [...labels]
    .map(([name, value]) => `${level}${name}=${value}`)
    .map((entry) => (/[\r\n]/.test(entry) || entry.startsWith('"') ? `"${entry.replaceAll('"', '""')}"` : entry))
    .join('\n')
}

/** The commit that started the run. @param version the image's; `''` where it has none */
export function commitFacts(version: string, context: NameContext): CommitFacts {
  return { version, revision: commitOf(context), created: commitDateOf(context) }
}

function merge(input: string, entries: readonly string[], commit: CommitFacts, context: NameContext): Labels {
  const expressions = globalExpressions(context)
  const own = entries
    .filter((entry) => entry.trim() !== '' && !entry.trimStart().startsWith('#'))
    .map((entry) => atLine(input, entry, () => readEntry(entry, expressions)))
  const all = new Map([...defaults(commit, context), ...own])
  return new Map([...all].sort(([a], [b]) => a.localeCompare(b, 'en')))
}

function defaults({ version, revision, created }: CommitFacts, context: NameContext): [string, string][] {
  const { name, description = '', url = '', license = '' } = context.repository
  const values = {
    title: name,
    description,
    url,
    source: url,
    version,
    created: created?.toISOString(),
    revision,
    licenses: license,
  }
  return Object.entries(values).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[`org.opencontainers.image.${key}`, oneLine(value)]],
  )
}

function readEntry(entry: string, expressions: Expressions): [string, string] {
  const equals = entry.indexOf('=')
  const name = entry.slice(0, Math.max(equals, 0)).trim()
  if (name === '') throw new UserError('there is no name before a =', 'Write name=value.')
  if (/[\s\p{C}]/u.test(name)) throw new UserError(`the name ${quote(name)} has a space in it`, 'Write name=value.')
  return [name, render(entry.slice(equals + 1), expressions)]
}

const level = /^(?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?(?:,[^:=]*)?:/

function ofManifest(entry: string): string {
  const found = level.exec(entry)?.[0]
  if (found === undefined || found === 'manifest:') return entry.slice(found?.length ?? 0)
  throw new UserError(
    `${quote(found)} is not a place for an annotation here`,
    'An image of one platform has its annotations in the manifest: write manifest:name=value, or name=value.',
  )
}

/** A description comes from outside, and a label of ours is one line of what can be seen: Buildah can't write more. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
}
