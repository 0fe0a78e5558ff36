import { quote } from '../lib/quote.js'

const maxRepository = 255
const maxTag = 128

export const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
const host = /^(?:\[[a-f0-9:]+\]|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)$/i
const component = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/
const tagGrammar = new RegExp(`^\\w[\\w.-]{0,${maxTag - 1}}$`)
const hexLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** Says what is wrong with one part, and what would be right; undefined when all is well. */
export interface Flaw {
  readonly what: string
  readonly hint: string
}

export function isTag(text: string): boolean {
  return tagGrammar.test(text)
}

export function domainFlaw(domain: string): Flaw | undefined {
  const port = /:([^:\]]*)$/.exec(domain)
  const name = port === null ? domain : domain.slice(0, port.index)
  if (!host.test(name))
    return {
      what: `${quote(name)} is not a host name`,
      hint: 'Write a host of letters, digits, dashes and dots, and a port if it has one: ghcr.io, localhost:5000.',
    }
  if (port === null) return undefined
  const digits = port[1] ?? ''
  if (/^[0-9]+$/.test(digits) && Number(digits) > 0 && Number(digits) < 65536) return undefined
  return {
    what: `${quote(digits)} is not a port`,
    hint: `Write a number from 1 to 65535, ${name}:5000. If it is meant to be a tag, it can't contain a slash: write type=ref,event=branch in tags.`,
  }
}

export function pathFlaw(path: string): Flaw | undefined {
  if (path === '') return { what: 'the repository is missing', hint: `Write it after the registry. ${emptyRule}` }
  if (path !== path.toLowerCase()) {
    return { what: `the repository ${quote(path)} has upper-case letters`, hint: `Write ${quote(path.toLowerCase())}.` }
  }
  if (path.length > maxRepository) {
    return {
      what: `the repository has ${path.length} characters; at most ${maxRepository} are allowed`,
      hint: 'Write a shorter name.',
    }
  }
  const bad = path.split('/').find((part) => !component.test(part))
  if (bad === undefined) return undefined
  if (bad === '') {
    const few = path.split('/').filter((part) => part !== '')
    const hint = few.length === 0 ? emptyRule : `Write ${quote(few.join('/'))}. ${emptyRule}`
    return { what: 'the repository has an empty component (an extra slash)', hint }
  }
  const stranger = /[^a-z0-9._-]/u.exec(bad)
  if (stranger !== null) {
    return { what: `the repository component ${quote(bad)} has the character ${quote(stranger[0])}`, hint: pathRule }
  }
  return {
    what: `the repository component ${quote(bad)} has two separators in a row, or one at its start or end`,
    hint: pathRule,
  }
}

const emptyRule = 'If there is an expression, it is empty: check that its variable is set.'

const pathRule =
  'Allowed are groups of a-z and 0-9 with one dot, one or two underscores or any number of dashes between them.'

export function tagFlaw(tag: string | undefined): Flaw | undefined {
  if (tag === undefined || isTag(tag)) return undefined
  if (tag === '') return { what: 'the tag after the colon is missing', hint: `Write it there. ${emptyRule}` }
  if (tag.includes('/')) {
    return {
      what: `the tag ${quote(tag)} has a slash`,
      hint: 'For the name of a branch, write the name alone in images, and type=ref,event=branch in tags: a slash becomes a dash.',
    }
  }
  if (tag.length > maxTag) {
    return {
      what: `the tag has ${tag.length} characters; at most ${maxTag} are allowed`,
      hint: 'Write a shorter one.',
    }
  }
  const stranger = /[^\w.-]/u.exec(tag)
  if (stranger === null) return { what: `the tag ${quote(tag)} begins with ${quote(tag.charAt(0))}`, hint: tagRule }
  return { what: `the tag ${quote(tag)} has the character ${quote(stranger[0])}`, hint: tagRule }
}

const tagRule = 'A tag begins with A-Z, a-z, 0-9 or _; after that, dots and dashes are allowed too.'

export function digestFlaw(digest: string | undefined): Flaw | undefined {
  if (digest === undefined) return undefined
  const colon = digest.indexOf(':')
  const algorithm = digest.slice(0, Math.max(colon, 0))
  const length = Object.hasOwn(hexLength, algorithm) ? hexLength[algorithm] : undefined
  if (length === undefined) {
    return { what: `the digest ${quote(digest)} has no known algorithm`, hint: 'Known are sha256, sha384 and sha512.' }
  }
  const hex = digest.slice(colon + 1)
  if (hex.length === length && /^[0-9a-f]+$/.test(hex)) return undefined
  return {
    what: `a ${algorithm} digest has ${length} digits of 0-9 and a-f, not ${quote(hex)}`,
    hint: 'Write all of them, or remove the digest.',
  }
}

export function schemeFlaw(text: string): Flaw | undefined {
  const found = SCHEME.exec(text)?.[0]
  if (found === undefined)
    return text.trim() === '' ? { what: 'it is empty', hint: `Write a name. ${emptyRule}` } : undefined
  return {
    what: `it begins with ${found}`,
    hint: `Remove ${found}. Write registry/repository:tag, such as ghcr.io/acme/web:1.2.`,
  }
}

export function idFlaw(text: string): Flaw | undefined {
  if (!/^[a-f0-9]{64}$/.test(text)) return undefined
  return {
    what: 'it looks like an image ID',
    hint: 'Write a name: registry/repository:tag, such as ghcr.io/acme/web:1.2.',
  }
}
