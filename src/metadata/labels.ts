import { UserError } from '../errors.js'
import { commitDateOf, commitOf, globalExpressions, type NameContext } from './ref-context.js'
import { type Expressions, renderKnown } from './template.js'
import { atLine, shown } from './csv-line.js'
import { quote } from '../lib/quote.js'

/** Names of letters that any order sorts alike, such as those of the OCI annotations. */
const PLAIN = /^[a-z.]*$/

/** Labels or annotations: names and values, sorted by name. */
export type Labels = ReadonlyMap<string, string>

/** What there is to say of lines that are not taken as they may be meant. */
export interface LabelRemarks {
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

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
  return merge('annotations', entries, commit, context)
}

/** What to say of the entries of an input, once. */
export function remarksOn(input: LabelInput, entries: readonly string[], context: NameContext): LabelRemarks {
  return readEntries(input, entries, context)
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

type LabelInput = 'labels' | 'annotations'

function merge(input: LabelInput, entries: readonly string[], commit: CommitFacts, context: NameContext): Labels {
  const { own } = readEntries(input, entries, context)
  const all = new Map([...defaults(commit, context), ...own])
  return new Map([...all].sort(([a], [b]) => compareNames(a, b)))
}

/** The order of docker/metadata-action. Without the rules of a language, which take 10 ms to load, where they change nothing. */
function compareNames(one: string, other: string): number {
  if (PLAIN.test(one) && PLAIN.test(other)) return one < other ? -1 : Number(one > other)
  return one.localeCompare(other, 'en')
}

function readEntries(
  input: LabelInput,
  entries: readonly string[],
  context: NameContext,
): LabelRemarks & { readonly own: readonly (readonly [string, string])[] } {
  const expressions = globalExpressions(context)
  const own: [string, string][] = []
  const notes: string[] = []
  const warnings: string[] = []
  for (const entry of entries) {
    if (entry.trim() === '' || entry.trimStart().startsWith('#')) continue
    if (!entry.includes('=')) {
      warnings.push(withoutValue(input, entry.trim()))
      continue
    }
    atLine(input, entry, () => {
      const { name, text, left } = readEntry(input === 'annotations' ? ofManifest(entry) : entry, expressions)
      own.push([name, text])
      for (const piece of left)
        notes.push(`${quote(piece)} in ${quote(name)} is not an expression and is left unchanged`)
    })
  }
  return { own, notes, warnings }
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

function withoutValue(input: LabelInput, entry: string): string {
  return `${input}: ${quote(entry)} has no = and is left out. Write ${shown(`${entry}=`)} for an empty value, and quote a multi-line value as a whole: "name=…"`
}

/** @throws UserError for one that isn't `name=value` */
export function readEntry(entry: string, expressions: Expressions) {
  const equals = entry.indexOf('=')
  const name = entry.slice(0, equals).trim()
  if (name === '') throw new UserError('the name before = is missing', 'Write name=value.')
  if (/[\s\p{C}]/u.test(name)) throw new UserError(`the name ${quote(name)} has a space in it`, 'Write name=value.')
  if (name.includes('"')) {
    throw new UserError(
      `the name ${quote(name)} has a quote in it`,
      'A quoted line begins with its quote, without a space before it: "name=value".',
    )
  }
  return { name, ...renderKnown(entry.slice(equals + 1), expressions) }
}

const level = /^(?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?(?:,[^:=]*)?:/

function ofManifest(entry: string): string {
  const found = level.exec(entry)?.[0]
  if (found === undefined || found === 'manifest:') return entry.slice(found?.length ?? 0)
  throw new UserError(
    `${quote(found)} is not a supported place for an annotation`,
    'An image of one platform has its annotations in the manifest: write manifest:name=value, or name=value. Those of an index are for several `platforms`.',
  )
}

/** A description comes from outside, and a label of ours is one line of what can be seen: Buildah can't write more. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
}
