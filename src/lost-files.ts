import type { ContextCopy } from './dockerfile/context-copies.js'
import { copyPattern } from './dockerfile/copies.js'
import type { ReachedPath } from './dockerfile/reach.js'
import type { LostFiles } from './engine/known-faults.js'
import { findIgnoreFile, readIgnored } from './ignored.js'
import { ignoreMatcher, type IgnorePattern, isPlain, parseIgnoreFile } from './ignore-patterns.js'
import type { Source } from './source.js'
import { surveyContext } from './survey.js'

/**
 * Files of the context that an exception of the ignore file takes back, and that Buildah leaves out all the same: it
 * doesn't look into a folder that is left out, unless an exception begins with the name of that folder, letter by letter.
 * None where the ignore file has what not all engines read alike, or the context can't be read.
 * @param copies what instructions take of the context
 */
export async function findLostFiles(source: Source, copies: readonly ContextCopy[]): Promise<LostFiles[]> {
  const patterns = parseIgnoreFile((await findIgnoreFile(source))?.text ?? '')
  if (!patterns.some(({ isException }) => isException) || !patterns.every(isPlain)) return []
  const paths = copies.flatMap((copy) => copy.paths)
  const request = { context: source.context, ignores: await readIgnored(source), paths }
  const survey = await surveyContext(request).catch(() => undefined)
  return copies
    .map(({ line, paths }) => ({ line, paths: lostOf(survey?.listOf(paths) ?? [], paths, patterns) }))
    .filter(({ paths }) => paths.length > 0)
}

function lostOf(files: readonly string[], paths: readonly ReachedPath[], patterns: readonly IgnorePattern[]): string[] {
  const takers = paths.map(({ path }) => ({
    takes: copyPattern(path)?.takes ?? (() => true),
    loses: lossOf(patterns, path === '' ? 0 : path.split('/').length),
  }))
  return files.filter((path) => {
    const own = takers.filter(({ takes }) => takes(path))
    return own.length > 0 && own.every(({ loses }) => loses(path))
  })
}

/**
 * Tells of a file whether Buildah loses it. Pure.
 * @param depth how many names the path has that the instruction copies; 0 for all of the context
 */
export function lossOf(patterns: readonly IgnorePattern[], depth: number): (path: string) => boolean {
  const rules = patterns.map((pattern) => ({ ...pattern, fits: ignoreMatcher(pattern) }))
  const isIgnored = (path: string) => rules.findLast(({ fits }) => fits(path))?.isException === false
  const exceptions = rules.filter(({ isException }) => isException).map(({ pattern }) => pattern)
  const isPassed = (folder: string, names: number) => {
    if (!isIgnored(folder)) return false
    // What is copied itself must be all of a folder's name there, what is below it only a part of that.
    const begins =
      names === depth
        ? (text: string) => text.startsWith(`${folder}/`)
        : (text: string) => `${text}/`.startsWith(folder)
    return !exceptions.some(begins)
  }
  return (path) => {
    if (isIgnored(path)) return false
    const names = path.split('/')
    const above = names.slice(0, -1).map((_, index) => names.slice(0, index + 1).join('/'))
    return above.some((folder, index) => index + 1 >= depth && isPassed(folder, index + 1))
  }
}
