import { posix } from 'node:path'
import type { CacheOptions } from '../runner/cache-inputs.js'
import type { CacheMode, Context } from '../runner/context.js'
import { UserError } from '../errors.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { quote } from '../lib/quote.js'

/** What the choice of a cache depends on, in addition to the inputs for it. */
export interface CacheFacts extends Pick<
  Context,
  'act' | 'event' | 'cacheService' | 'cacheMode' | 'toolCache' | 'userCache' | 'workspace'
> {
  /** The input `no-cache`. */
  readonly noCache: boolean
}

export interface CacheDecision {
  /** `off` also where there is nothing to read and nothing to write. */
  readonly kind: 'github' | 'directory' | 'registry' | 'off'
  readonly read: boolean
  readonly write: boolean
  /** Absolute; of the kind `directory` only. */
  readonly directory: string | undefined
  /** Lines for the log: which cache it is and why, then what was left out of the inputs. */
  readonly notes: readonly string[]
}

/** Whether something is done; where not, the sentence that says why, if any is needed. */
interface Permission {
  readonly allowed: boolean
  readonly why?: string
}

type Kind = Exclude<CacheDecision['kind'], 'off'>

/** They run with the rights of the base branch, and often with the code of somebody else. */
const UNTRUSTED = ['pull_request_target', 'workflow_run']
const RISK = "it has the permissions of the base branch and may build somebody else's code"
const NO_SERVICE = 'the runner offers no GitHub cache service'
const MISSING =
  'The environment has neither ACTIONS_CACHE_URL nor ACTIONS_CACHE_SERVICE_V2 with ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN.'

/** Which cache a build has, and whether it reads and writes it. Pure. */
export function decideCache(options: CacheOptions, facts: CacheFacts): CacheDecision {
  if (options.kind === 'off') return off([], options)
  const offered = facts.cacheService !== undefined
  if (options.kind === 'github' && !offered)
    return off(
      [
        `\`cache: github\` (or type=gha) is requested, but ${NO_SERVICE}. ${MISSING} If the machine outlives the job, write \`cache: directory\`.`,
      ],
      options,
    )
  const kind = options.kind === 'auto' ? (offered ? 'github' : 'directory') : options.kind
  const read = mayRead(options, facts)
  const write = mayWrite(options, facts, kind)
  // Where both are forbidden by one reason, it is said once.
  const why = [...new Set([read.why, write.why].filter((reason) => reason !== undefined))]
  if (!read.allowed && !write.allowed) return off(why, options)
  const directory = kind === 'directory' ? directoryOf(options, facts) : undefined
  const headline = `Cache: ${placeOf(kind, facts, directory)}${reasonOf(options, kind)}, ${useOf(read, write)}`
  return { kind, read: read.allowed, write: write.allowed, directory, notes: [headline, ...why, ...options.notes] }
}

/**
 * The repositories that are read, in this order, and the one that is written, for the kind `registry`. Pure.
 * @param images names of the image that is built
 * @throws UserError when neither the inputs nor the image names one
 */
export function cacheRepositories(
  options: Pick<CacheOptions, 'from' | 'to'>,
  decision: Pick<CacheDecision, 'read' | 'write'>,
  images: readonly Reference[],
): { from: readonly string[]; to: string | undefined } {
  const { from, to } = options
  const repositories = from.length > 0 ? from : [to ?? besideImage(images)]
  return {
    from: decision.read ? repositories : [],
    to: decision.write ? (to ?? repositories[0]) : undefined,
  }
}

function besideImage([image]: readonly Reference[]): string {
  if (image === undefined) {
    throw new UserError(
      'Input "cache": got "registry", but none of "cache-from", "cache-to" and "images" names a repository.',
      'Write `cache-from: type=registry,ref=docker.io/acme/web-cache`, and the same for `cache-to`.',
    )
  }
  return formatReference({ registry: image.registry, repository: `${image.repository}-cache` })
}

function off(why: readonly string[], options: CacheOptions): CacheDecision {
  return {
    kind: 'off',
    read: false,
    write: false,
    directory: undefined,
    notes: ['Cache: off', ...why, ...options.notes],
  }
}

function mayRead(options: CacheOptions, { event, cacheMode, noCache }: CacheFacts): Permission {
  if (cacheMode === 'none' || cacheMode === 'write-only') return refused(ofMode(cacheMode))
  if (options.kind === 'auto' && options.write !== 'always' && UNTRUSTED.includes(event.name))
    return refused(ofRun(event.name))
  if (noCache && options.read) return refused('The cache is not read: `no-cache` is true.')
  return { allowed: options.read }
}

function mayWrite(options: CacheOptions, { event, cacheMode }: CacheFacts, kind: Kind): Permission {
  if (options.write === 'never') return { allowed: false }
  // The service would refuse it.
  if (cacheMode === 'none' || (cacheMode === 'read' && kind === 'github')) return refused(ofMode(cacheMode))
  if (options.write === 'always') return { allowed: true }
  if (cacheMode === 'read') return refused(ofMode(cacheMode))
  if (UNTRUSTED.includes(event.name)) return refused(options.kind === 'auto' ? ofRun(event.name) : ofWrite(event.name))
  if (event.fork) return refused(FORK)
  return { allowed: true }
}

const FORK =
  'The cache is not written: the pull request comes from a fork, or its event does not say where it comes from. `cache-write: always` writes it anyway.'

function ofMode(mode: Exclude<CacheMode, 'write'>): string {
  const consequence = { none: 'neither read nor written', read: 'not written', 'write-only': 'not read' }
  return `The cache is ${consequence[mode]}: the \`cache-mode\` of the job is ${mode}.`
}

function ofRun(event: string): string {
  return `The cache is not used: this is a ${event} run; ${RISK}. \`cache: github\` (or directory, registry) reads it, \`cache-write: always\` reads and writes it.`
}

function ofWrite(event: string): string {
  return `The cache is not written: this is a ${event} run; ${RISK}. \`cache-write: always\` writes it anyway.`
}

function refused(why: string): Permission {
  return { allowed: false, why }
}

/** In the folder for tools where the runner names one, since that is what stays on machines that stay. */
function directoryOf({ directory }: CacheOptions, { workspace, toolCache, userCache }: CacheFacts): string {
  if (directory !== undefined) return posix.resolve(workspace, directory)
  return posix.join(toolCache ?? userCache, 'rootless-image-build/cache')
}

function placeOf(kind: Kind, { act }: CacheFacts, directory = ''): string {
  const service = act ? `act's cache server` : `GitHub's cache service`
  return { github: service, directory: `the folder ${quote(directory)}`, registry: 'a registry' }[kind]
}

function reasonOf(options: CacheOptions, kind: Kind): string {
  if (options.kind !== 'auto') return ''
  return kind === 'github' ? ' (the runner offers it)' : ` (${NO_SERVICE})`
}

function useOf(read: Permission, write: Permission): string {
  if (read.allowed && write.allowed) return 'read and written'
  return read.allowed ? 'read only' : 'written only'
}
