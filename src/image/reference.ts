import { UserError } from '../errors.js'
import { quote } from './quote.js'

/**
 * Where an image is: the grammar and the normal form of github.com/distribution/reference, version 0.6.
 *
 * `registry` is a host with an optional port, in lower case; Docker Hub is always `docker.io`. `repository` is the path
 * behind it, with `library/` where Docker Hub adds it.
 */
export interface Reference {
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: string
}

const dockerHub = 'docker.io'
const dockerHubHosts = [dockerHub, 'index.docker.io', 'registry-1.docker.io']
const maxRepository = 255
const maxTag = 128

const scheme = /^[a-z][a-z0-9+.-]*:\/\//i
const host = /^(?:\[[a-f0-9:]+\]|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)$/i
const component = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/
const tagGrammar = new RegExp(`^\\w[\\w.-]{0,${maxTag - 1}}$`)
const hexLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** Says what is wrong with one part, and what would be right; undefined when all is well. */
interface Flaw {
  readonly what: string
  readonly cure: string
}

/**
 * Reads an image reference: `[registry/]repository[:tag][@digest]`.
 *
 * @throws UserError that names the part that breaks the grammar
 */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = split(text)
  const flaw = schemeFlaw(text) ?? idFlaw(text) ?? tagFlaw(tag) ?? digestFlaw(digest)
  if (flaw !== undefined) throw refusal(text, flaw)
  return { ...readName(text, name), ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

/**
 * Reads the name of an image, `[registry/]repository`.
 *
 * @throws UserError when it breaks the grammar or has a tag or a digest
 */
export function parseName(text: string): Reference {
  const { name, tag, digest } = split(text)
  const flaw = schemeFlaw(text) ?? idFlaw(text)
  if (flaw !== undefined) throw refusal(text, flaw)
  if (digest !== undefined) {
    throw refusal(text, { what: 'a name has no digest', cure: `Write ${quote(name)}.` })
  }
  if (tag !== undefined) {
    throw refusal(text, {
      what: 'a name has no tag',
      cure: `Write ${quote(name)} here, and ${isTag(tag) ? `the tag ${quote(tag)}` : 'type=ref,event=branch'} in tags.`,
    })
  }
  return readName(text, name)
}

/** The same text with its name in lower case and its tag and digest as they are. */
export function lowerName(text: string): string {
  const { name } = split(text)
  return name.toLowerCase() + text.slice(name.length)
}

export function isTag(text: string): boolean {
  return tagGrammar.test(text)
}

/** The whole reference, registry included: `docker.io/acme/web:1.2@sha256:…`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`
  return `${reference.registry}/${reference.repository}${tag}${digest}`
}

/**
 * The registry that a person means, as `Reference.registry` names it: a host, `host:port`, an address with http(s)://, or
 * one of the names of Docker Hub, `''` among them.
 *
 * @throws UserError when it isn't the address of a registry
 */
export function normalizeRegistry(text: string): string {
  const shown = quote(text.trim().replace(/^.*@/s, '…@'))
  const refuse = (what: string, cure: string) => new UserError(`${shown} is not a registry: ${what}`, cure)
  const bare = text.trim().replace(/^https?:\/\//i, '')
  const [address = '', ...path] = bare.split('/')
  const registry = address.toLowerCase()
  if (text.trim() === '') return dockerHub
  if (bare.includes('@')) throw refuse('it has a user in it', 'Use the inputs username and password.')
  const foreign = scheme.exec(bare)?.[0]
  if (foreign !== undefined) throw refuse(`it begins with ${foreign}`, `Write ${bare.slice(foreign.length)}.`)
  const flaw = domainFlaw(registry)
  if (flaw !== undefined) throw refuse(flaw.what, flaw.cure)
  if (!isDomain(registry)) {
    throw refuse(
      'a host without a dot can be told from a name on Docker Hub by its port only',
      `Write its full host name or its port, such as ${registry}:443; for Docker Hub, docker.io.`,
    )
  }
  const hub = dockerHubHosts.includes(registry)
  const behind = path.join('/').replace(/\/$/, '')
  if (behind !== '' && !(hub && behind === 'v1')) throw refuse('it has a path behind the host', `Write ${registry}.`)
  return hub ? dockerHub : registry
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@')
  const tagged = at < 0 ? text : text.slice(0, at)
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) }
  // A repository has no colon: the first one behind the registry is that of the tag, whatever the tag is made of.
  const slash = tagged.indexOf('/')
  const colon = slash < 0 ? tagged.lastIndexOf(':') : tagged.indexOf(':', slash)
  if (colon < 0) return { name: tagged, ...digest }
  return { name: tagged.slice(0, colon), tag: tagged.slice(colon + 1), ...digest }
}

function readName(text: string, name: string): Reference {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const flaw = isDomain(first) ? domainFlaw(first) : undefined
  if (flaw !== undefined) throw refusal(text, flaw)
  const lower = first.toLowerCase()
  // A host in upper case without a dot would be a name on Docker Hub if it were lowered.
  const domain = isDomain(lower) ? lower : first
  const registry = !isDomain(first) || dockerHubHosts.includes(domain) ? dockerHub : domain
  const path = isDomain(first) ? name.slice(slash + 1) : name
  const broken = pathFlaw(path)
  if (broken !== undefined) throw refusal(text, broken)
  return { registry, repository: registry === dockerHub && !path.includes('/') ? `library/${path}` : path }
}

function isDomain(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
}

function domainFlaw(domain: string): Flaw | undefined {
  const port = /:([^:\]]*)$/.exec(domain)
  const name = port === null ? domain : domain.slice(0, port.index)
  if (!host.test(name))
    return {
      what: `${quote(name)} is not a host name`,
      cure: 'Write a host of letters, digits, dashes and dots, and a port where it has one: ghcr.io, localhost:5000.',
    }
  if (port === null) return undefined
  const digits = port[1] ?? ''
  if (/^[0-9]+$/.test(digits) && Number(digits) > 0 && Number(digits) < 65536) return undefined
  return {
    what: `${quote(digits)} is not a port`,
    cure: `Write a number from 1 to 65535, ${name}:5000. If it shall be a tag, no slash can be in it: write type=ref,event=branch in tags.`,
  }
}

function pathFlaw(path: string): Flaw | undefined {
  if (path === '') return { what: 'the repository is missing', cure: `Write it behind the registry. ${emptyRule}` }
  if (path !== path.toLowerCase()) {
    return { what: `the repository ${quote(path)} has upper case`, cure: `Write ${quote(path.toLowerCase())}.` }
  }
  if (path.length > maxRepository) {
    return {
      what: `the repository has ${path.length} characters, ${maxRepository} at most are allowed`,
      cure: 'Write a shorter name.',
    }
  }
  const bad = path.split('/').find((part) => !component.test(part))
  if (bad === undefined) return undefined
  if (bad === '') {
    const few = path.split('/').filter((part) => part !== '')
    const cure = few.length === 0 ? emptyRule : `Write ${quote(few.join('/'))}. ${emptyRule}`
    return { what: 'the repository has an empty component (a slash too many)', cure }
  }
  const stranger = /[^a-z0-9._-]/u.exec(bad)
  if (stranger !== null) {
    return { what: `the repository component ${quote(bad)} has the character ${quote(stranger[0])}`, cure: pathRule }
  }
  return { what: `the repository component ${quote(bad)} has a separator too many or at an end`, cure: pathRule }
}

const emptyRule = 'If an expression stands there, it is empty: see whether its variable is set.'

const pathRule =
  'Allowed are groups of a-z and 0-9 with one dot, one or two underscores or any number of dashes between.'

function tagFlaw(tag: string | undefined): Flaw | undefined {
  if (tag === undefined || isTag(tag)) return undefined
  if (tag === '') return { what: 'the tag behind the colon is missing', cure: `Write it there. ${emptyRule}` }
  if (tag.includes('/')) {
    return {
      what: `the tag ${quote(tag)} has a slash`,
      cure: 'For the name of a branch, write the name alone in images, and type=ref,event=branch in tags: a slash becomes a dash.',
    }
  }
  if (tag.length > maxTag) {
    return {
      what: `the tag has ${tag.length} characters, ${maxTag} at most are allowed`,
      cure: 'Write a shorter one.',
    }
  }
  const stranger = /[^\w.-]/u.exec(tag)
  if (stranger === null) return { what: `the tag ${quote(tag)} begins with ${quote(tag.charAt(0))}`, cure: tagRule }
  return { what: `the tag ${quote(tag)} has the character ${quote(stranger[0])}`, cure: tagRule }
}

const tagRule = 'Allowed are A-Z, a-z, 0-9 and _ first, then also dots and dashes.'

function digestFlaw(digest: string | undefined): Flaw | undefined {
  if (digest === undefined) return undefined
  const colon = digest.indexOf(':')
  const algorithm = digest.slice(0, Math.max(colon, 0))
  const length = Object.hasOwn(hexLength, algorithm) ? hexLength[algorithm] : undefined
  if (length === undefined) {
    return { what: `the digest ${quote(digest)} has no known algorithm`, cure: 'Known are sha256, sha384 and sha512.' }
  }
  const hex = digest.slice(colon + 1)
  if (hex.length === length && /^[0-9a-f]+$/.test(hex)) return undefined
  return {
    what: `a ${algorithm} digest has ${length} digits of 0-9 and a-f, not ${quote(hex)}`,
    cure: 'Write all of them, or leave the digest away.',
  }
}

function schemeFlaw(text: string): Flaw | undefined {
  const found = scheme.exec(text)?.[0]
  if (found === undefined)
    return text.trim() === '' ? { what: 'it is empty', cure: `Write a name. ${emptyRule}` } : undefined
  return {
    what: `it begins with ${found}`,
    cure: `Leave ${found} away: registry/repository:tag, such as ghcr.io/acme/web:1.2.`,
  }
}

function idFlaw(text: string): Flaw | undefined {
  if (!/^[a-f0-9]{64}$/.test(text)) return undefined
  return {
    what: 'it reads as the ID of an image',
    cure: 'Write a name: registry/repository:tag, such as ghcr.io/acme/web:1.2.',
  }
}

function refusal(text: string, flaw: Flaw): UserError {
  return new UserError(`${show(text)} is not an image reference: ${flaw.what}`, flaw.cure)
}

/** A user and a password before the host are not shown. */
function show(text: string): string {
  return quote(text.replace(/\/\/[^/]*@/, '//…@'))
}
