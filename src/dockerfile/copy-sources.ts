import { posix } from 'node:path'
import { stepsOf, type Dockerfile, type Instruction } from './dockerfile.js'
import { splitWords } from './lines.js'

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
  const paths = sources?.map(pathInContext)
  // A way up leads out of the folder that Buildah keeps it in.
  return sources?.some((source) => source.split('/').includes('..')) === true ? undefined : paths
}

/** A source as a path relative to the context, without `./` and never above it; '' for all of it. Pure. */
export function pathInContext(source: string): string {
  return posix.join('/', source).replace(/^\/|\/$/g, '')
}

/** All that is copied from the context, each once; pure. */
export function copiedPaths(dockerfile: Dockerfile): string[] {
  return [...new Set(stepsOf(dockerfile).flatMap((instruction) => copiedBy(instruction) ?? []))]
}

function wordsOf(argument: string): string[] | undefined {
  if (!argument.startsWith('[')) {
    const words = splitWords(argument)
    // Where it goes to may have a variable: only what is copied is told here.
    const isReadable = !UNREADABLE.test(words.slice(0, -1).join(' ')) && !/["'\\]|<</.test(words.at(-1) ?? '')
    return isReadable ? words : undefined
  }
  try {
    const words: unknown = JSON.parse(argument)
    const isList = Array.isArray(words) && words.every((word) => typeof word === 'string' && !/[$\\]/.test(word))
    return isList ? (words as string[]) : undefined
  } catch {
    return undefined
  }
}

/** What of a context a path of COPY or ADD is about. */
export interface CopyPattern {
  /** Whether it takes what lies at this path, by itself or with a folder that it is in. */
  readonly takes: (path: string) => boolean
  /** Whether it may take something below this folder. */
  readonly leadsThrough: (folder: string) => boolean
  /** How many names it has; 0 for all of the context. */
  readonly depth: number
}

/** Reads a path of COPY or ADD; undefined where it has classes of characters, which Go reads in a way of its own. Pure. */
export function copyPattern(pattern: string): CopyPattern | undefined {
  if (/[[\]\\]/.test(pattern)) return undefined
  const parts = pattern === '' ? [] : pattern.split('/').map((part) => new RegExp(`^${globText(part)}$`, 'su'))
  const fits = (names: readonly string[]) =>
    parts.every((part, index) => names.length <= index || part.test(names[index] ?? ''))
  return {
    takes(path) {
      const names = path.split('/')
      return names.length >= parts.length && fits(names)
    },
    leadsThrough: (folder) => fits(folder.split('/')),
    depth: parts.length,
  }
}

function globText(part: string): string {
  return part
    .replace(/[.+^${}()|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
}
