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
  const ask = await asker(env)
  const { exitCode, stdout, stderr } = await ask([path, 'info', '--format', '{{json .}}'])
  const info = parseInfo(stdout, exitCode === 0 ? '' : stderr)
  const { server, insecure } = info
  const found = { path, insecure: server === undefined ? undefined : insecure }
  if (info.buildx !== undefined && env['DOCKER_BUILDKIT'] !== '0') return { ...found, ...(await askBuildx(info)) }
  if (server === undefined) throw noAnswer(info, env)
  const client = Number(/(\d+)\.\d+/.exec((await ask([path, '--version'])).stdout)?.[1] ?? NaN)
  const isClassic = env['DOCKER_BUILDKIT'] === '0' || !(client < NEEDS_BUILDX_SINCE)
  const details = isClassic ? 'its classic builder' : 'its BuildKit'
  return { ...found, ...server, kind: isClassic ? 'classic' : 'docker-build', details }

  async function askBuildx({ buildx = '' }: Info): Promise<Pick<Docker, 'kind' | 'version' | 'details' | 'rootless'>> {
    const inspected = await ask([path ?? '', 'buildx', 'inspect', '--bootstrap'])
    const builder = inspected.exitCode === 0 ? parseDriver(inspected.stdout) : undefined
    const needsDaemon = builder === undefined || builder.driver.startsWith('docker')
    if (server === undefined && needsDaemon) throw noAnswer(info, env)
    if (builder === undefined) {
      const name = env['BUILDX_BUILDER']
      throw new UserError(
        `The builder of Docker Buildx${name === undefined ? '' : `, ${JSON.stringify(name)} by BUILDX_BUILDER,`} can't be used.\n${inspected.stderr.trim()}`,
        'See `docker buildx ls`, and choose another with `docker buildx use`.',
      )
    }
    const isOwn = builder.driver !== 'docker' || server?.containerd === true
    return {
      kind: isOwn ? 'buildx' : 'buildx-docker',
      version: server?.version ?? builder.buildkit,
      details: `Buildx ${buildx}, driver ${builder.driver}`,
      // Of a builder elsewhere nothing is known.
      rootless: builder.driver.startsWith('docker') && server?.rootless === true,
    }
  }
}

async function asker(env: Env): Promise<(argv: readonly string[]) => Promise<RunResult>> {
  const timeout = await findProgram('timeout', env)
  const limit = timeout === undefined ? [] : [timeout, String(PATIENCE_S)]
  return (argv) => attempt([...limit, ...argv], { env, cwd: '/' })
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
