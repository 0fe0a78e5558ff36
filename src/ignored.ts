import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether a path relative to the context is left out of it. */
export type Ignores = (path: string) => boolean

/**
 * Reads the ignore file that Buildah takes, and tells by it what is left out of the context.
 * @param place absolute paths of the context and of the Dockerfile
 */
export async function readIgnored({ context, file }: { context: string; file: string }): Promise<Ignores> {
  const found = await findIgnoreFile({ context, file })
  if (found === undefined) return () => false
  const library = await import('@balena/dockerignore')
  // Its types describe an ES module; what is loaded is the function itself, as CommonJS exports it.
  const dockerignore = library.default as unknown as typeof library.default.default
  const ignore = dockerignore().add(found.text)
  return (path) => ignore.ignores(path)
}

/** The ignore file that Buildah takes; undefined where there is none. */
export async function findIgnoreFile({
  context,
  file,
}: {
  context: string
  file: string
}): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const places = [
    `${file}.containerignore`,
    `${file}.dockerignore`,
    join(context, '.containerignore'),
    join(context, '.dockerignore'),
  ]
  for (const path of places) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return { path, text }
  }
  return undefined
}
