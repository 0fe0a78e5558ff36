import { posix } from 'node:path'
import { stepsOf, type Dockerfile, type Instruction } from './dockerfile.js'
import { readWords } from './lines.js'

/** What a COPY or ADD takes, variables as they are written. */
export interface Copy<From = string> {
  /** What `--from` names; undefined for the context. */
  readonly from: From | undefined
  /** All but where it goes to, without quotes and escapes. */
  readonly sources: readonly string[]
  /**
   * What it takes from the context: paths relative to it, without `./` and in the grammar of Go's `filepath.Match`, ''
   * for all of it. Empty where it takes nothing from there; undefined where only the engine can tell.
   */
  readonly paths: readonly string[] | undefined
  /** Whether it may take something from elsewhere. */
  readonly mayDownload: boolean
}

/** What only the engine can read: variables, quotes, escapes, heredocs. */
const UNREADABLE = /[$"'\\]|<</
/** What ADD fetches by itself, and what that begins with, behind which a variable may hide the rest. */
const REMOTE = /^(https?|git|ssh):\/\/|^[\w.-]+@[^/]*:/
const REMOTE_BEGINNINGS = ['http://', 'https://', 'git://', 'ssh://', 'git@']

/** Reads a COPY or ADD; undefined for any other instruction. Pure. */
export function readCopy(instruction: Instruction): Copy | undefined {
  const { keyword, flags, argument } = instruction
  if (keyword !== 'COPY' && keyword !== 'ADD') return undefined
  // An empty one is none.
  const from = flags.find(({ name, value }) => name === 'from' && value !== '')?.value
  const sources = readWords(argument)
    .words.slice(0, -1)
    .map((word) => word.replace(/["'\\`]/g, ''))
  const mayDownload = keyword === 'ADD' && from === undefined && sources.some(mayBeRemote)
  return { from, sources, paths: from === undefined ? pathsIn(instruction) : [], mayDownload }
}

function pathsIn({ keyword, flags, argument, heredoc }: Instruction): string[] | undefined {
  if (heredoc || flags.some(({ name }) => name === 'exclude' || name === 'parents')) return undefined
  const words = readableWords(argument)
  const sources = words?.slice(0, -1).filter((word) => keyword === 'COPY' || !REMOTE.test(word))
  // A way up leads out of the folder that Buildah keeps it in.
  if (sources?.some((source) => source.split('/').includes('..')) === true) return undefined
  return sources?.map(pathInContext)
}

function readableWords(argument: string): readonly string[] | undefined {
  const { words, isJson } = readWords(argument)
  if (isJson) return words.some((word) => /[$\\]/.test(word)) ? undefined : words
  // Where it goes to may have a variable: only what is copied is told here.
  const isReadable = !UNREADABLE.test(words.slice(0, -1).join(' ')) && !/["'\\]|<</.test(words.at(-1) ?? '')
  return isReadable && !argument.startsWith('[') ? words : undefined
}

function mayBeRemote(word: string): boolean {
  const [beginning = '', ...hidden] = word.split('$')
  return REMOTE.test(word) || (hidden.length > 0 && REMOTE_BEGINNINGS.some((text) => text.startsWith(beginning)))
}

/** A source as a path relative to the context, without `./` and never above it; '' for all of it. Pure. */
export function pathInContext(source: string): string {
  return posix.join('/', source).replace(/^\/|\/$/g, '')
}

/** All that is copied from the context, each once; pure. */
export function copiedPaths(dockerfile: Dockerfile): string[] {
  return [...new Set(stepsOf(dockerfile).flatMap((instruction) => readCopy(instruction)?.paths ?? []))]
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
