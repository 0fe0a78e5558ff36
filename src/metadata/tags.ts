import { UserError } from '../errors.js'
import { readEntries, type Entry } from './tag-entry.js'
import { describeEvent, globalExpressions, type NameContext, refOf } from './ref-context.js'
import { parseFlavor, type Flavor } from './flavor.js'
import { parseImages, type Images } from './images.js'
import { decideLatest } from './latest.js'
import { atLine, contentOf, shown } from './csv-line.js'
import { applyRule, type Given } from './apply-rule.js'
import { quote } from '../lib/quote.js'
import { formatReference, type Reference, repositoryOf } from './reference.js'
import { defaultRules } from './tag-rules.js'
import { makeTag } from './sanitize-tag.js'

/** The names that an image gets. */
export interface Names {
  /** Every one with a tag, each once: per image its tags, then the full references of the input `tags`. */
  readonly references: readonly Reference[]
  /**
   * What images and full references are in, each once, whatever tags are applied: the same on every event. Images that are
   * disabled count where there is nothing else.
   */
  readonly repositories: readonly Reference[]
  /** All names of images, also where no tag is applied to them. */
  readonly written: readonly WrittenName[]
  /** The tags that rules give, where there is no image that they could be applied to. */
  readonly bareTags: readonly string[]
  /** The tags alone, each once: the rules' by priority, `latest`, those of the full references. */
  readonly tagNames: readonly string[]
  /** The first of `tagNames`; `''` where there is none. */
  readonly version: string
  /** For the log: why a rule gave nothing, why `latest` stays. */
  readonly notes: readonly string[]
  /** Those of them that are about a rule that nobody wrote, on an event that it isn't for. */
  readonly expected: ReadonlySet<string>
  /** What is probably not as the user means it. */
  readonly warnings: readonly string[]
}

/** A name of an image, or with its tag a reference, as it is written. */
export interface WrittenName {
  readonly input: 'images' | 'tags'
  readonly name: string
  /** As `Reference.registry` names it. */
  readonly registry: string
}

type RuleEntry = Exclude<Entry, { kind: 'reference' }>

interface MadeTag {
  readonly name: string
  readonly entry: RuleEntry
  readonly given: Given
}

/** What grows while the rules are applied. */
interface Remarks {
  readonly notes: string[]
  readonly expected: Set<string>
  readonly warnings: string[]
}

/**
 * Works out the names of an image. Tags that rules make twice are one tag; names that the user writes twice are an error.
 *
 * @param images lines of the input `images`
 * @param tags lines of the input `tags`: plain tags, full references and rules; none is the default rules
 * @param flavor lines of the input `flavor`
 * @param existing the tags that the registry or Git has, where `needsExistingTags()`
 * @throws UserError that names the input and the line
 */
export function resolveTags(
  { images, tags, flavor }: Readonly<Record<'images' | 'tags' | 'flavor', readonly string[]>>,
  context: NameContext,
  existing?: readonly string[],
): Names {
  const named = parseImages(images)
  const lines = contentOf(tags)
  const entries = (lines.length > 0 ? lines : defaultRules).flatMap((line) =>
    atLine('tags', line, () => readEntries(line, named.given > 0)),
  )
  const full = entries.filter((entry) => entry.kind === 'reference')
  const rules = entries.filter((entry) => entry.kind !== 'reference')
  if (named.given === 0) refusePlain(rules)
  const warnings = [...named.warnings, ...full.flatMap(({ warnings }) => warnings)]
  const remarks: Remarks = { notes: [], expected: new Set(), warnings }
  const parsedFlavor = parseFlavor(flavor, globalExpressions(context))
  const made = makeTags(rules, parsedFlavor, context, remarks)
  const latest = makeLatest(made[0], parsedFlavor, existing, remarks)
  const ofRules = [...made.map(({ name }) => name), ...latest]
  refuseTwice(named, made, full)
  if (lines.length > 0) remarks.warnings.push(...unused(named, rules))
  const references = [
    ...named.names.flatMap((name) => ofRules.map((tag): Reference => ({ ...name, tag }))),
    ...full.map(({ reference }) => reference),
  ]
  const tagNames = unique([...ofRules, ...full.map(({ reference }) => reference.tag ?? '')])
  return {
    references: uniqueReferences(references),
    repositories: repositoriesIn(named, full),
    written: writtenIn(named, full),
    bareTags: named.names.length === 0 ? ofRules : [],
    tagNames,
    version: tagNames[0] ?? '',
    ...remarks,
    expected: lines.length === 0 ? remarks.expected : new Set(),
  }
}

function repositoriesIn(images: Images, full: readonly ReferenceEntry[]): Reference[] {
  const enabled = uniqueReferences([...images.names, ...full.map(({ reference }) => repositoryOf(reference))])
  return enabled.length > 0 ? enabled : uniqueReferences(images.disabled)
}

function writtenIn(images: Images, full: readonly ReferenceEntry[]): WrittenName[] {
  return [
    ...images.names.map(({ registry }, index): WrittenName => {
      return { input: 'images', name: images.written[index] ?? '', registry }
    }),
    ...full.map(({ reference, written }): WrittenName => {
      return { input: 'tags', name: written, registry: reference.registry }
    }),
  ]
}

/** True when `latest` depends on the tags that exist already, so that they must be looked up. */
export function needsExistingTags(flavor: readonly string[], context: NameContext): boolean {
  return parseFlavor(flavor, globalExpressions(context)).latest === 'highest'
}

const rulesOfRefs = {
  branch: 'type=ref,event=branch',
  tag: 'type=ref,event=tag',
  pull: 'type=ref,event=pr',
  other: undefined,
} as const

/** The error for an image that is to be pushed and has no name: what the event is and why each rule gave nothing. */
export function noTags({ tagNames, notes }: Names, context: NameContext): UserError {
  if (tagNames.length > 0) {
    return new UserError(
      `Input "push" is true, and there is nothing to push: images has no name for the ${tagNames.length === 1 ? 'tag' : 'tags'} ${tagNames.join(', ')}`,
      'Write the name of the image: `images: ghcr.io/${{ github.repository }}`, or another one, such as `images: docker.io/acme/web`.',
    )
  }
  const reasons = notes.map((note) => `\n- ${note}`).join('')
  const rule = rulesOfRefs[refOf(context).kind]
  const isTried = rule === undefined || notes.some((note) => note.startsWith(rule))
  return new UserError(
    `Input "push" is true, and there is nothing to push: no rule in tags gives a tag for ${describeEvent(context)}${reasons}`,
    `Add a rule that does to tags, such as type=sha${isTried ? '' : ` or ${rule}`}.`,
  )
}

function makeTags(entries: readonly RuleEntry[], flavor: Flavor, context: NameContext, remarks: Remarks): MadeTag[] {
  const made: MadeTag[] = []
  for (const entry of [...entries].sort((a, b) => b.rule.priority - a.rule.priority)) {
    const { line, rule } = entry
    for (const name of rule.ignored)
      remarks.warnings.push(`tags: ${quote(line)}: ${name} has no effect with type=${rule.type}`)
    const outcome = atLine('tags', line, () => applyRule(rule, flavor, context))
    if ('why' in outcome) {
      const note = `${shown(line)} gives no tag: ${outcome.why}`
      remarks.notes.push(note)
      if (outcome.isOfOtherEvent) remarks.expected.add(note)
      continue
    }
    const tag = makeTag(outcome.text)
    if (tag === undefined) {
      remarks.notes.push(`${shown(line)} gives no tag: no character of ${quote(outcome.text)} is allowed in a tag`)
      continue
    }
    if (entry.kind === 'plain' && tag.name !== outcome.text) {
      remarks.warnings.push(`tags: ${quote(outcome.text)} is not a valid tag; using ${tag.name}`)
    } else if (tag.change !== undefined) {
      remarks.notes.push(`${shown(line)} gives ${tag.name}: ${tag.change}`)
    }
    made.push({ name: tag.name, entry, given: outcome })
  }
  return made
}

function makeLatest(
  first: MadeTag | undefined,
  flavor: Flavor,
  existing: readonly string[] | undefined,
  remarks: Remarks,
): string[] {
  if (first === undefined) return []
  const { moves, note } = decideLatest(flavor.latest, first.entry.rule, first.given, existing)
  if (note !== undefined) remarks.notes.push(note)
  if (!moves) return []
  const prefix = flavor.prefix.onLatest ? flavor.prefix.text : ''
  const suffix = flavor.suffix.onLatest ? flavor.suffix.text : ''
  const tag = makeTag(`${prefix}latest${suffix}`)
  return tag === undefined ? [] : [tag.name]
}

function refusePlain(entries: readonly RuleEntry[]): void {
  const plain = entries.find(({ kind }) => kind === 'plain')
  if (plain === undefined) return
  throw new UserError(
    `tags: the plain tag ${quote(plain.line)} has no image to be applied to`,
    'Write the name of the image: `images: ghcr.io/${{ github.repository }}`, or a full reference in tags, such as docker.io/acme/web:1.',
  )
}

function refuseTwice(images: Images, made: readonly MadeTag[], full: readonly ReferenceEntry[]): void {
  const written = [
    ...made.flatMap(({ name, entry: { kind, line } }) =>
      kind === 'plain' ? images.names.map((image) => ({ name: formatReference({ ...image, tag: name }), line })) : [],
    ),
    ...full.map(({ reference, line }) => ({ name: formatReference(reference), line })),
  ]
  const lines = new Map<string, string>()
  for (const { name, line } of written) {
    const before = lines.get(name)
    if (before !== undefined) {
      const both = before === line ? `the line ${quote(line)} appears twice` : `${quote(before)} and ${quote(line)}`
      throw new UserError(`tags: ${both}, for ${name}`, 'Remove one of them.')
    }
    lines.set(name, line)
  }
}

type ReferenceEntry = Extract<Entry, { kind: 'reference' }>

/** What was written and has no effect. */
function unused(images: Images, rules: readonly RuleEntry[]): string[] {
  if (images.given > 0 && images.names.length === 0) return ['images: every name is disabled']
  if (images.given > 0 && rules.length === 0) return ['images: no plain tag and no rule in tags applies to them']
  return images.given === 0 && rules.length > 0 ? ['images: there is no image for the rules in tags to apply to'] : []
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function uniqueReferences(references: readonly Reference[]): Reference[] {
  return [...new Map(references.map((reference) => [formatReference(reference), reference])).values()]
}
