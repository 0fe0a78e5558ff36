import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether a path relative to the context is left out of it. */
export type Ignores = (path: string) => boolean

/**
 * Reads the ignore file that Buildah takes, and tells by it what is left out of the context.
 * @param place absolute paths of the context and of the Dockerfile
 */
export async function readIgnored({ context, file }: { context: string; file: string }): Promise<Ignores> {
  const text = await ignoreFile(context, file)
  if (text === undefined) return () => false
  const library = await import('@balena/dockerignore')
  // Its types describe an ES module; what is loaded is the function itself, as CommonJS exports it.
  const dockerignore = library.default as unknown as typeof library.default.default
  const ignore = dockerignore().add(text)
  return (path) => ignore.ignores(path)
}

async function ignoreFile(context: string, file: string): Promise<string | undefined> {
  const places = [
    `${file}.containerignore`,
    `${file}.dockerignore`,
    join(context, '.containerignore'),
    join(context, '.dockerignore'),
  ]
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  return undefined
}
