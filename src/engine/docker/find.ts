import { UserError } from '../../errors.js'
import { attempt, type Env, findProgram, type RunResult } from '../../exec.js'
import { type Docker, type Info, parseDriver, parseInfo } from './builder.js'

/** A daemon on a machine that is off, or behind a firewall, never answers. */
const PATIENCE_S = 20
/** The first client that builds with BuildKit by the plugin Buildx and in no other way. */
const NEEDS_BUILDX_SINCE = 23

/**
 * Finds Docker's client and what it builds with: Buildx where it is there, else BuildKit of the daemon, else the classic
 * builder. `DOCKER_BUILDKIT=0` asks for that one, here as everywhere.
 * @param env with the configuration that the client is to use
 * @throws UserError when there is none, or nothing answers: where it was looked for, and what to do
 */
export async function findDocker(env: Env): Promise<Docker> {
  const path = await findProgram('docker', env)
  if (path === undefined) {
    throw new UserError(
      'The program docker is not on PATH.',
      'Install Docker in a step before, or take a runner that has it.',
    )
  }
  const ask = await asker(path, env)
  const { exitCode, stdout, stderr } = await ask('info', '--format', '{{json .}}')
  const info = parseInfo(stdout, exitCode === 0 ? '' : stderr)
  const { server, insecure, buildx } = info
  const found = { path, insecure: server === undefined ? undefined : insecure }
  if (buildx !== undefined && env['DOCKER_BUILDKIT'] !== '0')
    return { ...found, ...(await askBuildx(buildx, info, ask, env)) }
  if (server === undefined) throw noAnswer(info, env)
  const client = Number(/(\d+)\.\d+/.exec((await ask('--version')).stdout)?.[1] ?? NaN)
  const isClassic = env['DOCKER_BUILDKIT'] === '0' || !(client < NEEDS_BUILDX_SINCE)
  const details = isClassic ? 'its classic builder' : 'its BuildKit'
  return { ...found, ...server, kind: isClassic ? 'classic' : 'docker-build', details }
}

type Ask = (...args: readonly string[]) => Promise<RunResult>

/** The builder that Buildx has in use, which may need no daemon here. */
async function askBuildx(
  version: string,
  info: Info,
  ask: Ask,
  env: Env,
): Promise<Pick<Docker, 'kind' | 'version' | 'details' | 'rootless'>> {
  const { server } = info
  const { exitCode, stdout, stderr } = await ask('buildx', 'inspect', '--bootstrap')
  const builder = exitCode === 0 ? parseDriver(stdout) : undefined
  const isHere = builder === undefined || builder.driver.startsWith('docker')
  if (server === undefined && isHere) throw noAnswer(info, env)
  if (builder === undefined) {
    const name = env['BUILDX_BUILDER']
    throw new UserError(
      `The builder of Docker Buildx${name === undefined ? '' : `, ${JSON.stringify(name)} by BUILDX_BUILDER,`} can't be used.\n${stderr.trim()}`,
      'See `docker buildx ls`, and choose another with `docker buildx use`.',
    )
  }
  const isOwn = builder.driver !== 'docker' || server?.containerd === true
  return {
    kind: isOwn ? 'buildx' : 'buildx-docker',
    version: server?.version ?? builder.buildkit,
    details: `Buildx ${version}, driver ${builder.driver}`,
    // Of a builder elsewhere nothing is known.
    rootless: isHere && server?.rootless === true,
  }
}

async function asker(path: string, env: Env): Promise<Ask> {
  const timeout = await findProgram('timeout', env)
  const limit = timeout === undefined ? [] : [timeout, String(PATIENCE_S)]
  return (...args) => attempt([...limit, path, ...args], { env, cwd: '/' })
}

/** Says where the client has looked, since that is where the mistake mostly is. */
function noAnswer({ context, trouble }: Info, env: Env): UserError {
  const host = env['DOCKER_HOST']
  const place =
    host !== undefined && host !== ''
      ? `at ${host}, which DOCKER_HOST names`
      : context !== 'default'
        ? `by the context ${JSON.stringify(context)}`
        : 'at its default socket, /var/run/docker.sock'
  const said = trouble === '' ? `Nothing was said for ${PATIENCE_S} s.` : trouble
  const isDenied = /permission denied/i.test(trouble)
  return new UserError(
    `Docker's daemon ${isDenied ? 'may not be spoken to by this user' : "doesn't answer"}; it was looked for ${place}.\n${said}`,
    isDenied
      ? 'Let the user of the runner use the socket: `sudo usermod --append --groups docker "$USER"`, then start the runner anew.'
      : 'Start it (`sudo systemctl start docker`); in a job container, hand the socket in: `volumes: [/var/run/docker.sock:/var/run/docker.sock]`.',
  )
}
