import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** The event that started the run, from the runner's environment and the payload. */
export interface Event {
  /** `push`, `pull_request` …; '' where there is none. */
  readonly name: string
  /** Whole, as `refs/heads/main`; '' where there is none. */
  readonly ref: string
  /** Of a pull request: the branch that it goes to, whole. */
  readonly baseRef: string | undefined
  /** Whole, as `refs/heads/main`. */
  readonly defaultBranch: string | undefined
  /** Of a pull request: it comes from another repository, from one that is gone, or the payload doesn't say. */
  readonly fork: boolean
  /** `owner/name`; '' where there is none. */
  readonly repository: string
  readonly names: NameFacts
  /** A text that no other step has, nor the same step at another time: digits, lower-case letters and dashes. */
  readonly unique: string
  /** Of the run, the same in all its attempts: digits; '' where there is none. */
  readonly run: string
  /** Which attempt of the run it is: digits. */
  readonly attempt: string
}

/** What names and labels are made of, beside the ref: a `NameContext` without what only Git and the clock can tell. */
export interface NameFacts {
  readonly sha: string
  /** The payload's `base_ref` of a push, else the base of a pull request, as they are written there. */
  readonly baseRef: string | undefined
  readonly defaultBranch: string | undefined
  readonly prNumber: number | undefined
  readonly prHeadSha: string | undefined
  readonly usePrHeadSha: boolean
  /** As it is written, to be checked; `''` where it isn't set. */
  readonly shortShaLength: string
  readonly repository: {
    /** Whether the payload has the repository: that of a schedule has none. */
    readonly known: boolean
    readonly name: string
    readonly description: string | undefined
    readonly url: string | undefined
    readonly license: string | undefined
  }
  /** Of the commit that was pushed, where the payload has it. */
  readonly commitDate: Date | undefined
}

/** GitHub's payloads have 25 MB at most; those that are built from have a few hundred kB. */
const MAX_PAYLOAD_BYTES = 10_000_000

/** Reads what the runner tells of the event. Never throws: what isn't there or can't be read is unknown. */
export function readEvent(environment: NodeJS.ProcessEnv): Event {
  const payload = readPayload(environment['GITHUB_EVENT_PATH'])
  const name = environment['GITHUB_EVENT_NAME'] ?? ''
  const repository = environment['GITHUB_REPOSITORY'] ?? ''
  const base = textAt(payload, 'pull_request', 'base', 'ref') ?? environment['GITHUB_BASE_REF']
  const names = readNames(payload, environment, repository)
  return {
    name,
    ref: environment['GITHUB_REF'] ?? '',
    baseRef: branch(base),
    defaultBranch: branch(names.defaultBranch),
    fork: name.startsWith('pull_request') && !isOwn(payload, repository),
    repository,
    names,
    unique: uniqueText(environment),
    run: numberIn(environment['GITHUB_RUN_ID']),
    attempt: numberIn(environment['GITHUB_RUN_ATTEMPT']) || '1',
  }
}

function readPayload(path: string | undefined): unknown {
  if (path === undefined) return undefined
  try {
    const found = statSync(path)
    return found.isFile() && found.size <= MAX_PAYLOAD_BYTES ? JSON.parse(readFileSync(path, 'utf8')) : undefined
  } catch {
    return undefined
  }
}

/** Whether the branch of the pull request is in the repository that the run is of. */
function isOwn(payload: unknown, repository: string): boolean {
  const head = textAt(payload, 'pull_request', 'head', 'repo', 'full_name')
  const base = textAt(payload, 'pull_request', 'base', 'repo', 'full_name') ?? repository
  return head !== undefined && head.toLowerCase() === base.toLowerCase()
}

/** Jobs of a matrix have everything in common that the runner tells, so that only chance tells them apart. */
function uniqueText(environment: NodeJS.ProcessEnv): string {
  const run = [environment['GITHUB_RUN_ID'], environment['GITHUB_RUN_ATTEMPT']].map(numberIn)
  return [...run.filter((text) => text !== ''), randomBytes(6).toString('hex')].join('-')
}

function numberIn(text: string | undefined): string {
  return text !== undefined && /^\d{1,20}$/.test(text) ? text : ''
}

/** By the same variables as docker/metadata-action, `DOCKER_METADATA_…`, where users have set them. */
function readNames(payload: unknown, environment: NodeJS.ProcessEnv, repository: string): NameFacts {
  const number = valueAt(payload, 'pull_request', 'number') ?? valueAt(payload, 'number')
  const server = environment['GITHUB_SERVER_URL'] ?? 'https://github.com'
  const date = new Date(textAt(payload, 'head_commit', 'timestamp') ?? '')
  return {
    sha: environment['GITHUB_SHA'] ?? '',
    baseRef: textAt(payload, 'base_ref') ?? textAt(payload, 'pull_request', 'base', 'ref'),
    defaultBranch: textAt(payload, 'repository', 'default_branch') ?? scheduledBranch(environment),
    prNumber: typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined,
    prHeadSha: textAt(payload, 'pull_request', 'head', 'sha'),
    usePrHeadSha: /true/i.test(environment['DOCKER_METADATA_PR_HEAD_SHA'] ?? ''),
    shortShaLength: environment['DOCKER_METADATA_SHORT_SHA_LENGTH'] ?? '',
    repository: {
      known: typeof valueAt(payload, 'repository', 'name') === 'string',
      name: textAt(payload, 'repository', 'name') ?? repository.split('/')[1] ?? '',
      description: textAt(payload, 'repository', 'description'),
      url: textAt(payload, 'repository', 'html_url') ?? (repository === '' ? undefined : `${server}/${repository}`),
      license: textAt(payload, 'repository', 'license', 'spdx_id'),
    },
    commitDate: Number.isNaN(date.getTime()) ? undefined : date,
  }
}

/** A schedule runs on the default branch, which its payload doesn't name. */
function scheduledBranch(environment: NodeJS.ProcessEnv): string | undefined {
  const folder = 'refs/heads/'
  const ref = environment['GITHUB_REF'] ?? ''
  return environment['GITHUB_EVENT_NAME'] === 'schedule' && ref.startsWith(folder)
    ? ref.slice(folder.length)
    : undefined
}

function branch(name: string | undefined): string | undefined {
  return name === undefined || name === '' ? undefined : `refs/heads/${name}`
}

function textAt(payload: unknown, ...path: readonly string[]): string | undefined {
  const value = valueAt(payload, ...path)
  return typeof value === 'string' ? value : undefined
}

function valueAt(payload: unknown, ...path: readonly string[]): unknown {
  let value = payload
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return value
}
