import { execute } from '../../../exec.js'
import type { Secret } from '../../../lib/secret.js'
import { refusal } from '../failures.js'
import { commandOf } from '../find/install.js'
import { loginArgs, registryIn } from './registry-args.js'
import type { BuildahSetup } from '../setup.js'

/** Tries a login at a registry or a part of it, and keeps it in the auth file of the build. @returns the registry @throws RegistryError */
export async function logIn(
  place: string,
  username: string,
  password: Secret,
  { buildah, folder, files, insecure }: Pick<BuildahSetup, 'buildah' | 'folder' | 'files' | 'insecure'>,
): Promise<string> {
  const start = [...folder.buildUser.prefix, ...commandOf(buildah)]
  const argv = [...start, ...loginArgs(place, username, files.auth, insecure)]
  const options = { env: folder.env, cwd: folder.path, input: password.reveal() }
  await execute(argv, options).catch((error: unknown) => {
    throw refusal(`Login to ${place} as ${JSON.stringify(username)} failed`, error, { isLogin: true })
  })
  return registryIn(place)
}
