import { type Env, execute, findProgram } from '../../exec.js'
import { parseInfo } from './builder.js'
import { asker } from './detect.js'

/** Short, since there may be no daemon, and loading into it is optional. */
const TIMEOUT_SECONDS = 2
/** The arguments that print the id of an image, whose name follows. */
export const INSPECT_ID = ['image', 'inspect', '--format', '{{.Id}}']

/** Path of Docker's client, where a daemon answers it at once; undefined where none does, or where it is Podman. */
export async function findDaemon(env: Env): Promise<string | undefined> {
  const path = await findProgram('docker', env)
  if (path === undefined) return undefined
  const ask = await asker(path, env)
  const { exitCode, stdout, stderr } = await ask(TIMEOUT_SECONDS, 'info', '--format', '{{json .}}')
  const { server, isPodman } = parseInfo(stdout, stderr)
  return exitCode === 0 && server !== undefined && !isPodman ? path : undefined
}

/**
 * Loads the image of a docker-archive into the storage of Docker's daemon, under these names.
 * @param client path of Docker's client
 * @returns Docker's own id of the image
 */
export async function loadArchive(
  client: string,
  archive: string,
  names: readonly string[],
  env: Env,
): Promise<string> {
  const docker = async (...args: readonly string[]) => (await execute([client, ...args], { env, cwd: '/' })).stdout
  const told = await docker('load', '--quiet', '--input', archive)
  const loaded = /^Loaded image(?: ID)?: (\S+)\s*$/m.exec(told)?.[1]
  if (loaded === undefined) throw new Error(`Docker doesn't say what it has loaded: ${JSON.stringify(told)}`)
  const id = (await docker(...INSPECT_ID, loaded)).trim()
  for (const name of names) await docker('tag', id, name)
  return id
}
