import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { copyPattern, pathInContext } from '../dockerfile/copies.js'
import { quote } from '../lib/quote.js'
import { findIgnoring, readIgnored } from '../source/ignored-files.js'
import type { Source } from '../source/source.js'
import { oneTypoFrom, sameButSpelling } from '../lib/spelling.js'

/** The most files and folders that are searched for a similar name. */
const MAX_SEEN = 20_000

/** A source that COPY or ADD didn't find in the context. */
export interface Missing {
  /** As written in the Dockerfile, relative to the context, with wildcards. */
  readonly path: string
  /** It exists, but the ignore file excludes it. */
  readonly ignored: boolean
  /** As written, where that seems to lead out of the context; absent where it doesn't. */
  readonly outside?: string
}

/**
 * Looks up whether a path exists and is excluded. Undefined if it exists and isn't, such as a symbolic link to nothing.
 */
export async function missingOf(path: string, source: Pick<Source, 'context' | 'file'>): Promise<Missing | undefined> {
  const there = await namesOf(path, source.context)
  const ignores = await readIgnored(source).catch(() => () => false)
  if (there.some((name) => !ignores(name))) return undefined
  return { path, ignored: there.length > 0 }
}

async function namesOf(path: string, context: string): Promise<string[]> {
  if (/[*?]/.test(path)) return (await namesIn(context)).filter((name) => copyPattern(path)?.takes(name))
  const isThere = await lstat(join(context, path)).then(Boolean, () => false)
  return isThere ? [path] : []
}

/** What to do about a source that COPY or ADD didn't find; undefined if that isn't why the build failed. */
export async function hintForMissing(
  missing: Missing | undefined,
  source: Pick<Source, 'context' | 'file'>,
): Promise<string | undefined> {
  if (missing === undefined) return undefined
  const { path, ignored, outside } = missing
  if (outside !== undefined)
    return `${quote(outside)} is outside the context, which no COPY or ADD leaves. Set "context" to a folder that has both, and "file" to this Dockerfile; paths of COPY and ADD then begin at that folder.`
  if (ignored) return await hintForIgnored(path, source)
  const none = `The context has no ${quote(path)}: paths of COPY and ADD are relative to the context, not to the Dockerfile.`
  const ignores = await readIgnored(source).catch(() => () => false)
  const names = await namesIn(source.context)
  const copied = names.filter((name) => !ignores(name))
  const like = nearest(path, copied)
  if (like !== undefined) return `${none} Did you mean ${quote(like)}?`
  const excluded = nearest(path, names)
  if (excluded === undefined) return none
  return `${none} Did you mean ${quote(excluded)}? ${await hintForIgnored(excluded, source)}`
}

/** The path that is most likely meant: misspelled, from another folder, or from one too many. */
function nearest(path: string, names: readonly string[]): string | undefined {
  const folders = path.split('/')
  const shorter = folders.map((_, index) => folders.slice(index + 1).join('/'))
  const [deeper, ...others] = names.filter((name) => name.endsWith(`/${path}`))
  return (
    sameButSpelling(path, names) ??
    oneTypoFrom(path, names) ??
    shorter.find((name) => names.includes(name)) ??
    (others.length === 0 ? deeper : undefined)
  )
}

/** Reads the one line of Buildah's own; a step can't have printed it, since COPY and ADD print nothing. Pure. */
export function readMissing(output: string, context: string): Missing | undefined {
  const error = output.slice(Math.max(0, output.lastIndexOf('Error: building at STEP "')))
  if (!/^Error: building at STEP "(COPY|ADD) /.test(error)) return undefined
  const [, filtered] = /: no items matching glob "(.*?)" copied \(\d+ filtered out/.exec(error) ?? []
  if (filtered?.startsWith(`${context}/`) === true) return { path: filtered.slice(context.length + 1), ignored: true }
  // With --from, it is looked for in another stage.
  const [, folder, wanted] =
    /: checking on sources under "(.*?)": .*?copier: stat: \[?"\/?(.*?)"\]?: no such file or directory/.exec(error) ??
    []
  if (folder !== context || wanted === undefined) return undefined
  const [, outside] = /^[^\n]*?\s"?((?:\.\/)*\.\.\/[^\s",]*)(?="?,?\s)/.exec(error) ?? []
  const isIt = outside !== undefined && pathInContext(outside) === wanted
  return { path: wanted, ignored: false, ...(isIt && { outside }) }
}

async function hintForIgnored(path: string, source: Pick<Source, 'context' | 'file'>): Promise<string> {
  const found = await findIgnoring(source, path).catch(() => undefined)
  if (found === undefined)
    return `Everything that ${quote(path)} matches is excluded from the context by its ignore file.`
  const file = relative(source.context, found.file)
  const name = file.startsWith('../') ? found.file : file
  return `${quote(path)} is excluded from the context by line ${found.line} of ${name}; \`!${path}\` below it includes it again.`
}

/** Paths of what is in the context, the nearest to its top first. What can't be read isn't there. */
async function namesIn(context: string): Promise<string[]> {
  const names: string[] = []
  const folders = ['']
  for (let folder = folders.shift(); folder !== undefined && names.length < MAX_SEEN; folder = folders.shift()) {
    for (const entry of await readdir(join(context, folder), { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name)
      names.push(path)
      if (entry.isDirectory() && entry.name !== '.git') folders.push(path)
    }
  }
  return names
}
