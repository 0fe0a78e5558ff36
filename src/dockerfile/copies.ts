import { posix } from 'node:path'
import { stepsOf, type Dockerfile, type Instruction } from './dockerfile.js'

/** What only Buildah can read: variables, quotes, escapes, heredocs. */
const UNREADABLE = /[$"'\\]|<</
const REMOTE = /^(https?|git|ssh):\/\/|^git@/

/**
 * What a COPY or ADD takes from the context: paths relative to it, without `./` and in the grammar of Go's
 * `filepath.Match`, '' for all of it. Empty where it takes nothing from there; undefined where that can't be told. Pure.
 */
export function copiedBy({ keyword, flags, argument, heredoc }: Instruction): string[] | undefined {
  if ((keyword !== 'COPY' && keyword !== 'ADD') || flags.some(({ name }) => name === 'from')) return []
  if (heredoc || flags.some(({ name }) => name === 'exclude' || name === 'parents')) return undefined
  const words = wordsOf(argument)
  const sources = words?.slice(0, -1).filter((word) => keyword === 'COPY' || !REMOTE.test(word))
  const paths = sources?.map((source) => posix.join('/', source).replace(/^\/|\/$/g, ''))
  // A way up leads out of the folder that Buildah keeps it in.
  return sources?.some((source) => source.split('/').includes('..')) === true ? undefined : paths
}

/** All that is copied from the context, each once; pure. */
export function copiedPaths(dockerfile: Dockerfile): string[] {
  return [...new Set(stepsOf(dockerfile).flatMap((instruction) => copiedBy(instruction) ?? []))]
}

function wordsOf(argument: string): string[] | undefined {
  if (!argument.startsWith('[')) return UNREADABLE.test(argument) ? undefined : argument.trim().split(/\s+/)
  try {
    const words: unknown = JSON.parse(argument)
    const isList = Array.isArray(words) && words.every((word) => typeof word === 'string' && !/[$\\]/.test(word))
    return isList ? (words as string[]) : undefined
  } catch {
    return undefined
  }
}

/** Whether a path, or a folder that it is in, is what a part of `filepath.Match` asks for; undefined where it has classes. Pure. */
export function copyPattern(pattern: string): RegExp | undefined {
  if (/[[\]\\]/.test(pattern)) return undefined
  if (pattern === '') return /^/
  const text = pattern
    .replace(/[.+^${}()|]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  return new RegExp(`^${text}(/|$)`)
}
