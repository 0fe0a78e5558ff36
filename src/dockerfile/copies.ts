import { posix } from 'node:path'
import { stepsOf, type Dockerfile, type Instruction } from './dockerfile.js'
import { readWords } from './lines.js'
import { type Mount, readMounts } from './mounts.js'
import { expand, variablesIn } from './variables.js'

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
  /** Values of arguments by which the paths are known, unless the base image has others in its environment. */
  readonly assumed: ReadonlyMap<string, string>
}

/** What only the engine can read: variables, quotes, escapes, heredocs. */
const UNREADABLE = /[$"'\\]|<</
/** What ADD fetches by itself, and what that begins with, behind which a variable may hide the rest. */
const REMOTE = /^(https?|git|ssh):\/\/|^[\w.-]+@[^/]*:/
const REMOTE_BEGINNINGS = ['http://', 'https://', 'git://', 'ssh://', 'git@']

/**
 * Reads a COPY or ADD; undefined for any other instruction. Pure.
 * @param values of arguments that are known there
 */
export function readCopy(instruction: Instruction, values: ReadonlyMap<string, string> = new Map()): Copy | undefined {
  const { keyword, flags, argument } = instruction
  if (keyword !== 'COPY' && keyword !== 'ADD') return undefined
  // An empty one is none.
  const from = flags.find(({ name, value }) => name === 'from' && value !== '')?.value
  const sources = readWords(argument)
    .words.slice(0, -1)
    .map((word) => word.replace(/["'\\`]/g, ''))
  // What ADD is given may be an address.
  const known = keyword === 'COPY' ? values : new Map<string, string>()
  const names = new Set(sources.flatMap(variablesIn))
  const taken = new Map([...known].filter(([name]) => names.has(name)))
  const mayDownload = keyword === 'ADD' && from === undefined && sources.some(mayBeRemote)
  const paths = from === undefined ? pathsIn(instruction, taken) : []
  return { from, sources, paths, mayDownload, assumed: paths === undefined ? new Map() : taken }
}

function pathsIn(
  { keyword, flags, argument, heredoc }: Instruction,
  values: ReadonlyMap<string, string>,
): string[] | undefined {
  if (heredoc || flags.some(({ name }) => name === 'exclude' || name === 'parents')) return undefined
  const words = readableWords(argument, values)
  const sources = words?.slice(0, -1).filter((word) => keyword === 'COPY' || !REMOTE.test(word))
  // A way up leads out of the folder that Buildah keeps it in.
  if (sources?.some((source) => source.split('/').includes('..')) === true) return undefined
  return sources?.map(pathInContext)
}

function readableWords(argument: string, values: ReadonlyMap<string, string>): readonly string[] | undefined {
  const { words: written, isJson } = readWords(argument)
  const last = written.length - 1
  const words = written.map((word, index) => (index < last ? (withValues(word, values) ?? word) : word))
  if (isJson) return words.some((word) => /[$\\]/.test(word)) ? undefined : words
  // Where it goes to may have a variable: only what is copied is told here.
  const isReadable = !UNREADABLE.test(words.slice(0, -1).join(' ')) && !/["'\\]|<</.test(words.at(-1) ?? '')
  return isReadable && !argument.startsWith('[') ? words : undefined
}

/** A word with the values of its variables; undefined where it has none, or one isn't known. */
function withValues(word: string, values: ReadonlyMap<string, string>): string | undefined {
  const names = variablesIn(word)
  // It may be what escapes.
  if (word.includes('`')) return undefined
  return names.length > 0 && names.every((name) => values.has(name)) ? expand(word, values) : undefined
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

/** Whether a mount shows files of the context. Pure. */
export function showsContext({ type = 'bind', from }: Pick<Mount<unknown>, 'type' | 'from'>): boolean {
  return type === 'bind' && from === undefined
}

/** What a mount shows of the context, as a path of COPY would be; undefined where only the engine can tell. Pure. */
export function mountedPath({ source, isReadable }: Pick<Mount<unknown>, 'source' | 'isReadable'>): string | undefined {
  return isReadable && !/[$*?[\\]/.test(source) ? pathInContext(source) : undefined
}

/** All that RUN steps show of the context, each once; pure. */
export function mountedPaths(dockerfile: Dockerfile): string[] {
  const mounts = stepsOf(dockerfile).flatMap(readMounts).filter(showsContext)
  return [...new Set(mounts.flatMap((mount) => mountedPath(mount) ?? []))]
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
