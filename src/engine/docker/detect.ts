import { UserError } from '../../errors.js'
import { attempt, type Env, findProgram, type RunResult } from '../../exec.js'
import {
  type Builder,
  type Docker,
  type Info,
  parseBuilder,
  parseBuildxVersion,
  parseInfo,
  DRIVERS_ELSEWHERE,
} from './builder.js'

/** A daemon on a machine that is off, or behind a firewall, never answers. */
const TIMEOUT_SECONDS = 20
/** A builder that doesn't run yet may have to be pulled first. */
const START_S = 300
/** Exit code of timeout(1) when the time is up. */
const TIMED_OUT = 124

/**
 * Finds Docker's client, Buildx, and the builder that Buildx has in use.
 * @param env with the configuration that the client is to use, and the builder as Buildx reads it
 * @param patience how many seconds a question may take
 * @param asked the builder that the input names
 * @throws UserError when there is none, or nothing answers: where it was looked for, and what to do
 */
export async function findDocker(
  env: Env,
  {
    patience = TIMEOUT_SECONDS,
    builder: asked,
  }: { readonly patience?: number; readonly builder?: string | undefined } = {},
): Promise<Docker> {
  const path = await findProgram('docker', env)
  if (path === undefined) {
    throw new UserError(
      'The program docker is not on PATH.',
      'Install Docker in an earlier step, or use a runner that has it.',
    )
  }
  const ask = await asker(path, env)
  // At the same time, so that a daemon that never answers costs only one timeout.
  const [told, plugin, inspected] = await Promise.all([
    ask(patience, 'info', '--format', '{{json .}}'),
    ask(patience, 'buildx', 'version'),
    ask(patience, 'buildx', 'inspect'),
  ])
  const info = parseInfo(told.stdout, told.exitCode === 0 ? '' : told.stderr)
  if (info.isPodman || /emulate docker cli using podman/i.test(told.stderr)) throw isPodman(path)
  const silence = told.exitCode === TIMED_OUT ? patience : undefined
  const buildx = plugin.exitCode === 0 ? parseBuildxVersion(plugin.stdout) : undefined
  if (buildx === undefined) {
    if (info.server === undefined) throw noAnswer(info, env, silence)
    throw withoutBuildx(info.server.version)
  }
  const builder = inspected.exitCode === 0 ? parseBuilder(inspected.stdout) : undefined
  const isNamed = asked !== undefined && builder === undefined
  if (info.server === undefined && !isNamed && (builder?.driver ?? 'docker').startsWith('docker'))
    throw noAnswer(info, env, silence)
  const started = await startBuilder(builder, inspected, ask).catch((error: unknown) => {
    throw unusable(asked, env, error)
  })
  return { path, buildx, ...describeBuilder(started, info) }
}

/** Runs the client. @param limit seconds */
type Ask = (limit: number, ...args: readonly string[]) => Promise<RunResult>

/** Starts the builder if it doesn't run. @throws Error with what Buildx says of one that can't be used */
async function startBuilder(builder: Builder | undefined, inspected: RunResult, ask: Ask): Promise<Builder> {
  const runs = builder === undefined || builder.driver === 'docker' || builder.buildkit !== undefined
  const answer = runs ? inspected : await ask(START_S, 'buildx', 'inspect', '--bootstrap')
  const started = answer.exitCode === 0 ? parseBuilder(answer.stdout) : undefined
  if (started !== undefined) return started
  throw new Error(answer.stderr.trim())
}

function unusable(asked: string | undefined, env: Env, error: unknown): UserError {
  const said = error instanceof Error ? error.message : ''
  if (asked !== undefined)
    return new UserError(
      `Input "builder": got ${JSON.stringify(asked)}, and Docker Buildx can't use it.\n${said}`,
      'See `docker buildx ls`. The output `name` of docker/setup-buildx-action is the name of the builder that it has made.',
    )
  const name = env['BUILDX_BUILDER']
  return new UserError(
    `The builder of Docker Buildx${name === undefined ? '' : `, ${JSON.stringify(name)} (from BUILDX_BUILDER),`} can't be used.\n${said}`,
    'See `docker buildx ls`, and choose another with `docker buildx use`.',
  )
}

function describeBuilder(
  { driver, buildkit, nodes }: Builder,
  { server, insecure }: Info,
): Omit<Docker, 'path' | 'buildx'> {
  const isDaemon = driver === 'docker' && server !== undefined
  const version = isDaemon ? server.version : (buildkit ?? 'unknown')
  return {
    ...{ driver, buildkit, version, nodes, keepsSteps: DRIVERS_ELSEWHERE.includes(driver) },
    name: isDaemon ? `Docker ${version}` : `BuildKit ${buildkit ?? 'of unknown version'}`,
    kind: driver !== 'docker' || server?.containerd === true ? 'buildx' : 'buildx-docker',
    rootless: driver.startsWith('docker')
      ? server?.rootless === true
      : nodes.length > 0 && nodes.every((node) => node.rootless),
    insecure: server === undefined ? undefined : insecure,
  }
}

/** Makes the function that runs Docker's client with a time limit. */
export async function asker(path: string, env: Env): Promise<Ask> {
  const timeout = await findProgram('timeout', env)
  return (limit, ...args) =>
    attempt([...(timeout === undefined ? [] : [timeout, String(limit)]), path, ...args], { env, cwd: '/' })
}

function isPodman(path: string): UserError {
  return new UserError(
    `${path} is Podman under the name docker, not Docker.`,
    'Podman builds with Buildah, as this action does by itself: write `engine: buildah`. If you want Docker, install it, and put it first on PATH.',
  )
}

function withoutBuildx(version: string): UserError {
  return new UserError(
    `Docker ${version} has no Buildx here, and this action builds only with Buildx.`,
    'Install Buildx in an earlier step (`- uses: docker/setup-buildx-action@v3`), or on the machine: `sudo apt-get install docker-buildx-plugin`, called `docker-buildx` in the packages of Debian and Ubuntu.',
  )
}

/** Says where the client has looked, since that is where the mistake mostly is. */
function noAnswer({ context, failure }: Info, env: Env, silence: number | undefined): UserError {
  const host = env['DOCKER_HOST']
  const place =
    host !== undefined && host !== ''
      ? `at ${host} (from DOCKER_HOST)`
      : context !== 'default'
        ? `of the context ${JSON.stringify(context)}`
        : 'at /var/run/docker.sock'
  const silent = silence === undefined ? 'It gave no reason.' : `No answer within ${silence} s.`
  const isDenied = /permission denied/i.test(failure)
  return new UserError(
    `Cannot connect to the Docker daemon ${place}${isDenied ? ': permission denied' : ''}.\n${failure === '' ? silent : failure}`,
    isDenied
      ? 'Let the user of the runner use the socket: `sudo usermod --append --groups docker "$USER"`, then restart the runner.'
      : 'Start it (`sudo systemctl start docker`); in a job container, mount the socket: `volumes: [/var/run/docker.sock:/var/run/docker.sock]`.',
  )
}
