import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether a path relative to the context is left out of it. */
export interface Ignores {
  (path: string): boolean
  /** Whether something in a folder that is left out may not be. */
  readonly hasExceptions?: boolean
}

/** What decides that a path is left out. */
export interface Ignoring {
  /** Absolute. */
  readonly file: string
  /** From 1. */
  readonly line: number
}

/**
 * Reads the ignore file that builds of this action go by, and tells by it what is left out of the context.
 * @param place absolute paths of the context and of the Dockerfile
 */
export async function readIgnored(place: { context: string; file: string }): Promise<Ignores> {
  const found = await findIgnoreFile(place)
  return found === undefined ? () => false : await ignoresOf(found.text)
}

/** The line of the ignore file by which a path is left out, undefined where it isn't. */
export async function findIgnoring(
  { context, file }: { context: string; file: string },
  path: string,
): Promise<Ignoring | undefined> {
  const found = await findIgnoreFile({ context, file })
  if (found === undefined) return undefined
  const lines = found.text.split('\n')
  // The last line that changes anything about it decides.
  for (let line = lines.length; line > 0; line -= 1) {
    const [upTo, before] = [lines.slice(0, line), lines.slice(0, line - 1)]
    const [ignores, ignored] = [await ignoresOf(upTo.join('\n')), await ignoresOf(before.join('\n'))]
    if (ignores(path) !== ignored(path)) return ignores(path) ? { file: found.path, line } : undefined
  }
  return undefined
}

async function ignoresOf(text: string): Promise<Ignores> {
  const library = await import('@balena/dockerignore')
  // Its types describe an ES module; what is loaded is the function itself, as CommonJS exports it.
  const dockerignore = library.default as unknown as typeof library.default.default
  const ignore = dockerignore().add(text)
  return Object.assign((path: string) => ignore.ignores(path), { hasExceptions: /^\s*!/m.test(text) })
}

/** Whose ignore files are looked for: Docker by itself knows no .containerignore. */
export type IgnoreOrder = 'buildah' | 'docker'

/**
 * The ignore file that an engine takes by itself; undefined where there is none. Builds of this action go by Buildah's
 * order whoever builds, since Docker gets a copy of what it wouldn't look for.
 */
export async function findIgnoreFile(
  { context, file }: { context: string; file: string },
  engine: IgnoreOrder = 'buildah',
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const names = engine === 'buildah' ? ['.containerignore', '.dockerignore'] : ['.dockerignore']
  const places = [...names.map((name) => `${file}${name}`), ...names.map((name) => join(context, name))]
  for (const path of places) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return { path, text }
  }
  return undefined
}
