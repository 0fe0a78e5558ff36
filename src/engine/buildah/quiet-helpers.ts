import { chmod, lchown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuthFile } from '../../auth/auth-file.js'
import { type Env, findProgram } from '../../exec.js'
import { type WorkDir, writePrivate } from '../work-dir.js'

const NAME = /^[A-Za-z0-9][\w.-]*$/
const FOLDER = 'helpers'

/**
 * Keeps Buildah to the logins of its auth file. Beside that some versions read the user's DOCKER_CONFIG, and fail with the
 * helpers in it; here it is one without logins. In front of the credential helpers that the auth file names stand programs
 * that run them without their standard error: what they say there may be secret, and would be among the lines of the build.
 * @returns what is to be added to the environment of Buildah
 */
export async function quietHelpers({ path, buildUser, env }: WorkDir, { credHelpers }: AuthFile): Promise<Env> {
  const place = join(path, FOLDER)
  await mkdir(place, { recursive: true, mode: 0o700 })
  if (buildUser.prefix.length > 0) {
    // Of root, which writes there: the account may only enter it.
    await lchown(place, 0, buildUser.gid)
    await chmod(place, 0o710)
  }
  const folder = { path, buildUser, env }
  await writePrivate(folder, `${FOLDER}/config.json`, '{}\n')
  const names = [...new Set(Object.values(credHelpers))].filter((name) => NAME.test(name))
  for (const name of names) {
    const program = `docker-credential-${name}`
    const helper = await findProgram(program, env)
    // Buildah says that it is missing.
    if (helper === undefined) continue
    const text = `#!/bin/sh\nexec '${helper.replaceAll("'", `'\\''`)}' "$@" 2>/dev/null\n`
    await chmod(await writePrivate(folder, `${FOLDER}/${program}`, text), 0o700)
  }
  return { DOCKER_CONFIG: place, ...(names.length > 0 && { PATH: [place, env['PATH'] ?? ''].join(':') }) }
}
