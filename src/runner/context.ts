import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Event, readEvent } from './event.js'
import type { Env } from '../exec.js'
import { Secret } from '../lib/secret.js'

/** What the workflow allows a job to do with GitHub's cache, by `cache-mode`. */
export type CacheMode = 'none' | 'read' | 'write' | 'write-only'

/** The runner's environment, read once: where the step runs, and as which user. */
export interface Context {
  /** Absolute path of the checked-out repository. */
  readonly workspace: string
  /** Absolute path of a folder that the runner empties after the job. */
  readonly temp: string
  /** Absolute path of a folder that stays on the machine, if the runner names one. */
  readonly toolCache: string | undefined
  /** Absolute path of the cache folder of the user, for facts about the machine. */
  readonly userCache: string
  /** True on a machine that is thrown away after the job, so that nothing large need be deleted. */
  readonly ephemeral: boolean
  readonly uid: number
  readonly gid: number
  readonly home: string
  /** The account that called sudo, if the step was started with it. */
  readonly sudoUid: number | undefined
  /** The environment for programs: the step's own, without inputs, state and the runner's tokens. */
  readonly env: Env
  readonly event: Event
  /** Address of the GitHub server that the run is of. */
  readonly server: string
  /** When the step was started. */
  readonly now: Date
  /** Whether the runner shows a summary of the job. */
  readonly hasSummary: boolean
  /** Undefined where the runner doesn't know artifacts of a job. */
  readonly artifacts: ArtifactFiles | undefined
  /** Undefined where the job has no permission to it. */
  readonly idTokens: TokenService | undefined
  /** The protocol of the cache service, if the runner offers one. */
  readonly cacheService: 'v1' | 'v2' | undefined
  /** As the runner reports it. Undefined, like an unknown mode, allows everything. */
  readonly cacheMode: CacheMode | undefined
  /** The environment for the process that speaks with the cache service, its token included, and for no other. */
  readonly serviceEnv: Env
  /** Absolute path of the program that speaks with the cache service; it lies beside the one that runs. */
  readonly cacheWorker: string
  /** Absolute path of the manifest of the action's own Buildah, which lies beside the programs. */
  readonly buildahManifest: string
  /** Address of the repository that the action is of, with a slash at its end. */
  readonly actionRepository: string
  /** Whether act (nektos/act) runs the workflow. */
  readonly act: boolean
  /** Whether the step runs in a pod of Kubernetes. */
  readonly inPod: boolean
}

/** Where the runner gives tokens that say which job this is. */
export interface TokenService {
  /** Its address, which the audience of a token is added to. */
  readonly url: string
  /** What it has to be asked with. */
  readonly token: Secret
}

/** Absolute paths of the files by which the runner learns of artifacts of the job. */
export interface ArtifactFiles {
  /** Where this step declares its own, a line each. */
  readonly declared: string
  /** What earlier steps have declared. */
  readonly list: string
}

/** What @actions/cache needs to know of the runner, beside what every program may know. */
const SERVICE_VARIABLES = [
  ...['ACTIONS_RUNTIME_TOKEN', 'ACTIONS_RUNTIME_URL', 'ACTIONS_RESULTS_URL', 'ACTIONS_CACHE_URL'],
  ...['ACTIONS_CACHE_SERVICE_V2', 'ACTIONS_CACHE_MODE'],
]
const MODES: readonly CacheMode[] = ['none', 'read', 'write', 'write-only']

/** Reads the context of the step from `environment`. Never throws: what is missing gets a usable default. */
export function readContext(environment: NodeJS.ProcessEnv = process.env): Context {
  const home = environment['HOME'] ?? '/'
  const sudoUid = Number(environment['SUDO_UID'] ?? '')
  return {
    workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
    temp: environment['RUNNER_TEMP'] ?? tmpdir(),
    toolCache: environment['RUNNER_TOOL_CACHE'],
    userCache: environment['XDG_CACHE_HOME'] ?? `${home}/.cache`,
    ephemeral: environment['RUNNER_ENVIRONMENT'] === 'github-hosted',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    home,
    sudoUid: Number.isInteger(sudoUid) && sudoUid > 0 ? sudoUid : undefined,
    env: programEnvironment(environment),
    event: readEvent(environment),
    server: environment['GITHUB_SERVER_URL'] || 'https://github.com',
    now: new Date(),
    hasSummary: (environment['GITHUB_STEP_SUMMARY'] ?? '') !== '',
    artifacts: artifactFiles(environment),
    idTokens: tokenService(environment),
    cacheService: cacheService(environment),
    cacheMode: MODES.find((mode) => mode === environment['ACTIONS_CACHE_MODE']?.trim().toLowerCase()),
    serviceEnv: serviceEnvironment(environment),
    cacheWorker: cacheWorkerProgram(),
    buildahManifest: join(dirname(process.argv[1] ?? ''), '../buildah.json'),
    actionRepository: actionRepository(environment),
    act: environment['ACT'] === 'true',
    inPod: (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '',
  }
}

/**
 * Writes proxies of this process as their clients read them: `host:3128` stands for `http://host:3128`, as Buildah, Git and
 * curl have it, and is an address of another kind to Node.
 */
export function completeProxies(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) {
    const value = environment[name]
    if (value !== undefined && value !== '' && !/^[a-z][a-z\d+.-]*:\/\//i.test(value))
      environment[name] = `http://${value}`
  }
}

/**
 * What programs get to see: inputs (passwords among them), state and the runner's own tokens (ACTIONS_RUNTIME_TOKEN,
 * ACTIONS_ID_TOKEN_REQUEST_TOKEN, ACTIONS_RESULTS_URL …) stay with the action.
 */
export function programEnvironment(environment: NodeJS.ProcessEnv): Env {
  const kept = Object.entries(environment).filter(([name]) => !/^(INPUT|STATE|ACTIONS)_/.test(name))
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** The bundle of cache-worker.ts, beside the bundle that the runner has started. */
export function cacheWorkerProgram(): string {
  return join(dirname(process.argv[1] ?? ''), '../cache-worker/index.js')
}

/** What the process that speaks with the cache service gets to see: what programs see, and the way to the service. */
export function serviceEnvironment(environment: NodeJS.ProcessEnv): Env {
  const mode = SERVICE_VARIABLES.flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...programEnvironment(environment), ...Object.fromEntries(mode) }
}

function tokenService(environment: NodeJS.ProcessEnv): TokenService | undefined {
  const url = environment['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''
  const token = environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''
  return token !== '' && URL.canParse(url) ? { url, token: new Secret(token) } : undefined
}

function artifactFiles(environment: NodeJS.ProcessEnv): ArtifactFiles | undefined {
  const [declared, list] = [environment['GITHUB_ARTIFACTS'], environment['GITHUB_ARTIFACTS_LIST']]
  return declared && list ? { declared, list } : undefined
}

/** An action used by a path, `uses: ./`, belongs to the repository that is checked out. */
function actionRepository(environment: NodeJS.ProcessEnv): string {
  const server = environment['GITHUB_SERVER_URL'] || 'https://github.com'
  const repository = environment['GITHUB_ACTION_REPOSITORY'] || environment['GITHUB_REPOSITORY']
  return repository ? `${server}/${repository}/` : `${server}/`
}

/** Chooses as @actions/cache 6 does. v2 needs the token; servers of v1 work without it. */
function cacheService(environment: NodeJS.ProcessEnv): 'v1' | 'v2' | undefined {
  const has = (name: string) => (environment[name] ?? '') !== ''
  const host = hostOf(environment['GITHUB_SERVER_URL'])
  if (host === undefined) return undefined
  if (!has('ACTIONS_CACHE_SERVICE_V2') || !/^github\.com$|\.(ghe\.com|localhost)$/.test(host))
    return has('ACTIONS_CACHE_URL') ? 'v1' : undefined
  return has('ACTIONS_RESULTS_URL') && has('ACTIONS_RUNTIME_TOKEN') ? 'v2' : undefined
}

/** The host in lower case, github.com by default; undefined if the text isn't a URL. */
function hostOf(server: string | undefined): string | undefined {
  try {
    return new URL(server || 'https://github.com').hostname
  } catch {
    return undefined
  }
}
