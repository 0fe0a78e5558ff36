import { isAbsolute } from 'node:path'
import { withPassword } from '../runner/input-parsers.js'
import { UserError } from '../errors.js'
import { hasPassword } from '../lib/url-logins.js'

/** A Git URL as Docker writes it: repository, then `#ref:subdirectory`. */
export interface GitContext {
  readonly url: string
  readonly ref: string
  readonly folder: string
}

/** The expression of docker/build-push-action for the repository of the run, and a folder in it. */
const DEFAULT_CONTEXT = /^\{\{\s*defaultContext\s*\}\}(:.*)?$/s
const ARCHIVE = /\.(tar|tgz|tbz2?|txz|zip)$|\.tar\.\w+$|\/(archive|tarball|zipball)\//i
/** No option, and none of what stands for several commits; a branch may have letters of any alphabet. */
const REF = /^(?!-)[\p{L}\p{M}\p{N}_./+@-]*$/u
/** What names a commit in a query, and where Git has it. */
const COMMITS: ReadonlyMap<string, string> = new Map([
  ['ref', ''],
  ['branch', 'refs/heads/'],
  ['tag', 'refs/tags/'],
  ['commit', ''],
  ['checksum', ''],
])

/**
 * A context as it is written, with every Git URL in the form `url#ref:subdirectory`: that of Buildx, `url?ref=…&subdir=…`,
 * and the expression of docker/build-push-action are others. Pure.
 * @param own the repository of the run at its commit, in that form; undefined where that isn't known
 * @throws UserError for a URL that no Git repository can be fetched from
 */
export function plainContext(written: string, own: string | undefined, input = 'context'): string {
  const [expression, folder = ''] = DEFAULT_CONTEXT.exec(written.trim()) ?? []
  if (expression !== undefined && own === undefined)
    throw new UserError(
      `Input "${input}": got ${JSON.stringify(written)}, but the runner doesn't say which repository the run belongs to.`,
      `Check it out with actions/checkout and write ${lineOf(input, '.')}.`,
    )
  const context = expression === undefined ? withoutQuery(written, input) : `${own ?? ''}${folder}`
  const isDocker = /^(docker-image|docker|oci-layout|target):/.test(context)
  if (!isDocker) parseGitContext(context, input)
  return context
}

/**
 * The Git context that a `context` input names, undefined when it names a path; pure.
 * @throws UserError for a URL that no Git repository can be fetched from
 */
export function parseGitContext(context: string, input = 'context'): GitContext | undefined {
  const [written = '', fragment = ''] = context.split(/#(.*)/s)
  const url = written.replace(/^[a-z]+(?=:\/\/)/i, (scheme) => scheme.toLowerCase())
  if (hasPassword(url)) throw withPassword(input)
  const isUrl = /^(https?|git|ssh):\/\//.test(url) || /^[\w.-]+@[\w.-]+:/.test(url)
  const isGitHub = /^github\.com\/[\w.-]+\/[\w.-]+$/.test(url)
  if (!isUrl && !isGitHub) return undefined
  const [ref = '', folder = ''] = fragment.split(/:(.*)/s)
  if (/^https?:/.test(url) && !url.endsWith('.git')) throw noRepository(context, url, input)
  if (!REF.test(ref) || /(^|\/)\.\.(\/|$)/.test(folder) || isAbsolute(folder)) {
    throw new UserError(
      `Input "${input}": got ${JSON.stringify(context)}. After # comes a branch, tag or commit, then optionally a colon and a folder in the repository.`,
      `Write ${lineOf(input, `${url}#main:path/of/folder`)}.`,
    )
  }
  return { url: isGitHub ? `https://${url}.git` : url, ref: ref === '' ? 'HEAD' : ref, folder }
}

function noRepository(context: string, url: string, input: string): UserError {
  const [path = ''] = url.split('?')
  if (ARCHIVE.test(path))
    return new UserError(
      `Input "${input}": got ${JSON.stringify(context)}. That is an archive, and archives are not fetched; a Git URL must end with .git.`,
      `Unpack it in an earlier step, such as \`run: mkdir archive && curl -fsSL URL | tar -xz -C archive\`, and write ${lineOf(input, 'archive')}.`,
    )
  return new UserError(
    `Input "${input}": got ${JSON.stringify(context)}. An http(s) URL must be that of a Git repository and end with .git.`,
    `Write ${lineOf(input, `${path.replace(/\/+$/, '')}.git`)}, or check the repository out with actions/checkout.`,
  )
}

/** A Git URL with its query as a fragment; all else as it is. */
function withoutQuery(written: string, input: string): string {
  const [url = '', rest] = written.split(/\?(.*)/s)
  if (rest === undefined || !/^(https?|git|ssh):\/\/.+|^github\.com\//i.test(url)) return written
  if (/^https?:/i.test(url) && !url.endsWith('.git')) return written
  const [query = '', fragment] = rest.split(/#(.*)/s)
  const keys = [...new URLSearchParams(query)]
  const named = keys.filter(([key]) => COMMITS.has(key))
  const folders = keys.filter(([key]) => key === 'subdir')
  const isPlain = named.length <= 1 && folders.length <= 1 && named.length + folders.length === keys.length
  if (hasPassword(url)) throw withPassword(input)
  if (!isPlain || fragment !== undefined)
    throw new UserError(
      `Input "${input}": got ${JSON.stringify(written)}. After ? comes one of ref, branch, tag and commit, and optionally subdir; # isn't allowed then.`,
      `Write ${lineOf(input, `${url}?ref=main&subdir=path/of/folder`)}.`,
    )
  const [key, value] = named[0] ?? ['', '']
  const folder = folders[0]?.[1].replace(/^\/+/, '')
  const ref = value === '' ? '' : `${COMMITS.get(key) ?? ''}${value}`
  return `${url}#${ref}${folder === undefined ? '' : `:${folder}`}`
}

function lineOf(input: string, value: string): string {
  return `\`${input === 'context' ? 'context: ' : ''}${value}\``
}
