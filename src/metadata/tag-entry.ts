import { UserError } from '../errors.js'
import { hasExpression } from './template.js'
import { lowered } from './images.js'
import { fieldsOf, type Field, refuseSeveral } from './csv-line.js'
import { quote } from '../lib/quote.js'
import { lowerName, parseReference, type Reference } from './reference.js'
import { parseRule, type Rule } from './tag-rules.js'

/** What a line of the input `tags` is. */
export type Entry =
  /** A tag that is written out; its rule is `type=raw`. */
  | { readonly kind: 'plain'; readonly line: string; readonly rule: Rule }
  | { readonly kind: 'rule'; readonly line: string; readonly rule: Rule }
  | {
      readonly kind: 'reference'
      readonly line: string
      readonly reference: Reference
      /** As it is written, but its name in lower case. */
      readonly written: string
      readonly warnings: readonly string[]
    }

/**
 * Reads one line of the input `tags`: a plain tag, a full reference (or several with commas between), or a rule.
 *
 * A text with a colon is a reference, as no tag has one. A text with a slash is one where there is no image that a tag
 * could be applied to; else it is a tag made of the name of a branch.
 *
 * @throws UserError that says what is wrong with it
 */
export function readEntries(line: string, hasImages: boolean): readonly Entry[] {
  const fields = fieldsOf(line)
  const bare = fields.filter(({ name }) => name === undefined)
  const named = fields.filter(({ name }) => name !== undefined)
  for (const { value } of bare) refuseSeveral('tags', value, named)
  const references = bare.filter(({ value }) => isReference(value, hasImages))
  if (references.length > 0 && references.length === fields.length) return references.map((field) => read(line, field))
  const typed = fields.some(({ name }) => name === 'type')
  if (references.length > 0 && !typed) {
    throw new UserError(
      'there is something else next to a full reference',
      'A full reference must be alone on its line. For attributes, write the name in images and the tag in tags.',
    )
  }
  const rule = parseRule(line, fields)
  const plain = bare.length === fields.length && !hasExpression(line)
  return [{ kind: plain ? 'plain' : 'rule', line, rule }]
}

function isReference(text: string, hasImages: boolean): boolean {
  const literal = text.replace(/\{\{.*?\}\}/g, '')
  if (!/[:@]/.test(literal)) return !hasExpression(text) && !hasImages && literal.includes('/')
  if (!hasExpression(text)) return true
  throw new UserError(
    "a full reference can't contain an expression",
    'Write the name in images and the expression in tags, as type=raw,value=….',
  )
}

function read(line: string, { value }: Field): Entry {
  const lower = lowerName(value)
  const { registry, repository, tag = 'latest', digest } = parseReference(lower)
  if (digest !== undefined) {
    throw new UserError(`${quote(value)} has a digest, which is known only after the build`, 'Remove the digest.')
  }
  const warnings = lower === value ? [] : [lowered('tags', value, lower)]
  return { kind: 'reference', line, reference: { registry, repository, tag }, written: lower, warnings }
}
