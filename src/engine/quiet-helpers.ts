import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuthFile } from '../credentials.js'
import { type Env, findProgram } from '../exec.js'
import { type Folder, writePrivate } from './storage.js'

const NAME = /^[A-Za-z0-9][\w.-]*$/
const FOLDER = 'helpers'

/**
 * Puts programs in front of the credential helpers that Buildah may run, so that what these say on standard error, which
 * may be secret, isn't printed among the lines of the build.
 * @returns what is to be added to the environment of Buildah
 */
export async function quietHelpers(folder: Folder, { credHelpers }: AuthFile): Promise<Env> {
  const { env } = folder
  const names = [...new Set(Object.values(credHelpers))].filter((name) => NAME.test(name))
  if (names.length === 0) return {}
  await mkdir(join(folder.path, FOLDER), { recursive: true, mode: 0o711 })
  for (const name of names) {
    const program = `docker-credential-${name}`
    const path = await findProgram(program, env)
    // Buildah says that it is missing.
    if (path === undefined) continue
    const text = `#!/bin/sh\nexec '${path.replaceAll("'", `'\\''`)}' "$@" 2>/dev/null\n`
    await chmod(await writePrivate(folder, `${FOLDER}/${program}`, text), 0o700)
  }
  return { PATH: [join(folder.path, FOLDER), env['PATH'] ?? ''].join(':') }
}
