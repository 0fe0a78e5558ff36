import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  formatIgnoreFile,
  ignoreMatcher,
  ignoresBy,
  type IgnorePattern,
  isPlain,
  parseIgnoreFile,
} from './dockerignore.js'

/** Whether a path relative to the context is left out of it, as Docker reads the ignore file. */
export interface Ignores {
  (path: string): boolean
  /** Whether something in a folder that is left out may not be. */
  readonly hasExceptions?: boolean
  /** Whether it is so with every engine; the same where it is absent. */
  readonly surely?: (path: string) => boolean
  /** What the ignore file says, where engines may read it each in a way of its own. */
  readonly ambiguous?: string
}

/** What decides that a path is left out. */
export interface Ignoring {
  /** Absolute. */
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** An ignore file. */
export interface IgnoreFile {
  /** Absolute. */
  readonly path: string
  /** Undefined where it is there, and this process can't read it. */
  readonly text: string | undefined
}

/**
 * Reads the ignore file that builds of this action go by, and tells by it what is left out of the context.
 * @param place absolute paths of the context and of the Dockerfile
 * @throws Error where it can't be read
 */
export async function readIgnored(place: { context: string; file: string }): Promise<Ignores> {
  const found = await findIgnoreFile(place)
  if (found === undefined) return () => false
  if (found.text === undefined) throw new Error(`${found.path} can't be read`)
  return ignoresOf(parseIgnoreFile(found.text))
}

/** The line of the ignore file by which a path is left out, undefined where it isn't. */
export async function findIgnoring(
  { context, file }: { context: string; file: string },
  path: string,
): Promise<Ignoring | undefined> {
  const found = await findIgnoreFile({ context, file })
  if (found === undefined) return undefined
  const rules = parseIgnoreFile(found.text ?? '').filter((pattern) => ignoreMatcher(pattern)(path))
  // Further lines behind it say the same once more.
  const first = rules[rules.findLastIndex(({ isException }) => isException) + 1]
  return first === undefined ? undefined : { file: found.path, line: first.line }
}

function ignoresOf(patterns: readonly IgnorePattern[]): Ignores {
  const isAmbiguous = !patterns.every(isPlain)
  // What may be an exception to all that is before it leaves nothing sure of that.
  const from = patterns.findLastIndex((pattern) => pattern.isException && !isPlain(pattern)) + 1
  return Object.assign(ignoresBy(patterns), {
    hasExceptions: patterns.some(({ isException }) => isException),
    surely: sureOfLines(ignoresBy(patterns.slice(from).filter(isPlain))),
    ...(isAmbiguous && { ambiguous: formatIgnoreFile(patterns) }),
  })
}

/** @returns what refuses a name with a line break: whether a pattern fits one, engines don't agree on */
function sureOfLines(isIgnored: (path: string) => boolean): (path: string) => boolean {
  return (path) => {
    if (path.includes('\n')) throw new Error(`${JSON.stringify(path)} has a line break in its name`)
    return isIgnored(path)
  }
}

/** Whose ignore files are looked for: Docker by itself knows no .containerignore. */
export type IgnoreOrder = 'buildah' | 'docker'

/**
 * The ignore file that an engine takes by itself; undefined where there is none. Builds of this action go by Buildah's
 * order whoever builds, and both engines are handed what is found.
 */
export async function findIgnoreFile(
  { context, file }: { context: string; file: string },
  engine: IgnoreOrder = 'buildah',
): Promise<IgnoreFile | undefined> {
  const names = engine === 'buildah' ? ['.containerignore', '.dockerignore'] : ['.dockerignore']
  const places = [...names.map((name) => `${file}${name}`), ...names.map((name) => join(context, name))]
  for (const path of places) {
    const isFile = await stat(path).then(
      (found) => found.isFile(),
      () => undefined,
    )
    if (isFile === undefined) continue
    // What is no file may never end.
    return { path, text: isFile ? await readFile(path, 'utf8').catch(() => undefined) : undefined }
  }
  return undefined
}
