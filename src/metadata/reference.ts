import { UserError } from '../errors.js'
import {
  digestFlaw,
  domainFlaw,
  type Flaw,
  idFlaw,
  isTag,
  pathFlaw,
  SCHEME,
  schemeFlaw,
  tagFlaw,
} from './reference-flaws.js'
import { quote } from '../lib/quote.js'

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

export const DOCKER_HUB = 'docker.io'
const dockerHubHosts = [DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io']

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
    throw refusal(text, { what: 'a name must not have a digest', hint: `Write ${quote(name)}.` })
  }
  if (tag !== undefined) {
    throw refusal(text, {
      what: 'a name must not have a tag',
      hint: `Write ${quote(name)} here, and ${isTag(tag) ? `the tag ${quote(tag)}` : 'type=ref,event=branch'} in tags.`,
    })
  }
  return readName(text, name)
}

/** The same text with its name in lower case and its tag and digest as they are. */
export function lowerName(text: string): string {
  const { name } = split(text)
  return name.toLowerCase() + text.slice(name.length)
}

/** True for a name of an image that is on Docker Hub for want of a registry in front. */
export function isUnqualified(name: string): boolean {
  const slash = name.indexOf('/')
  return slash < 0 || !isDomain(name.slice(0, slash))
}

/** The registry of a name of an image; undefined for what is none. */
export function registryOf(name: string): string | undefined {
  try {
    return parseReference(lowerName(name)).registry
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

/** The whole reference, registry included: `docker.io/acme/web:1.2@sha256:…`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`
  return `${reference.registry}/${reference.repository}${tag}${digest}`
}

/** A reference without tag and digest: its repository. */
export function repositoryOf({ registry, repository }: Reference): Reference {
  return { registry, repository }
}

/** What a person writes for a registry. */
export interface WrittenRegistry {
  /** As `Reference.registry` names it. */
  readonly registry: string
  /** What stands behind its host, `acme/team`; `''` as a rule. */
  readonly path: string
}

/**
 * Reads the registry that a person means: a host, `host:port`, an address with http(s)://, or one of the names of Docker
 * Hub, `''` among them.
 *
 * @throws UserError when it isn't the address of a registry
 */
export function readRegistry(text: string): WrittenRegistry {
  const shown = quote(text.trim().replace(/^.*@/s, '…@'))
  const refuse = (what: string, hint: string) => new UserError(`${shown} is not a registry: ${what}`, hint)
  const bare = text.trim().replace(/^https?:\/\//i, '')
  const [address = '', ...path] = bare.split('/')
  const registry = address.toLowerCase()
  if (text.trim() === '') return { registry: DOCKER_HUB, path: '' }
  if (bare.includes('@')) throw refuse('it contains a user name', 'Use the inputs username and password.')
  const foreign = SCHEME.exec(bare)?.[0]
  if (foreign !== undefined) throw refuse(`it begins with ${foreign}`, `Write ${bare.slice(foreign.length)}.`)
  const flaw = domainFlaw(registry)
  if (flaw !== undefined) throw refuse(flaw.what, flaw.hint)
  if (!isDomain(registry)) {
    throw refuse(
      'without a dot or a port, a host looks like a name on Docker Hub',
      `Write its full host name or its port, such as ${registry}:443; for Docker Hub, docker.io.`,
    )
  }
  const hub = dockerHubHosts.includes(registry)
  const behind = path.join('/').replace(/\/+$/, '')
  return { registry: hub ? DOCKER_HUB : registry, path: hub && behind === 'v1' ? '' : behind }
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
  const registry = !isDomain(first) || dockerHubHosts.includes(domain) ? DOCKER_HUB : domain
  const path = isDomain(first) ? name.slice(slash + 1) : name
  const broken = pathFlaw(path)
  if (broken !== undefined) throw refusal(text, broken)
  return { registry, repository: registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path }
}

function isDomain(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
}

function refusal(text: string, flaw: Flaw): UserError {
  return new UserError(`${show(text)} is not an image reference: ${flaw.what}`, flaw.hint)
}

/** A user and a password before the host are not shown. */
function show(text: string): string {
  return quote(text.replace(/\/\/[^/]*@/, '//…@'))
}
