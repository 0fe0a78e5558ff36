import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** What started the run: from the runner's environment and the payload of the event. */
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
  /** A text that no other step has, nor the same step at another time: digits, lower-case letters and dashes. */
  readonly unique: string
}

/** GitHub's payloads have 25 MB at most; those that are built from have a few hundred kB. */
const MAX_PAYLOAD_BYTES = 10_000_000

/** Reads what the runner tells of the event. Never throws: what isn't there or can't be read is unknown. */
export function readEvent(environment: NodeJS.ProcessEnv): Event {
  const payload = readPayload(environment['GITHUB_EVENT_PATH'])
  const name = environment['GITHUB_EVENT_NAME'] ?? ''
  const repository = environment['GITHUB_REPOSITORY'] ?? ''
  const base = textAt(payload, 'pull_request', 'base', 'ref') ?? environment['GITHUB_BASE_REF']
  return {
    name,
    ref: environment['GITHUB_REF'] ?? '',
    baseRef: branch(base),
    defaultBranch: branch(textAt(payload, 'repository', 'default_branch')),
    fork: name.startsWith('pull_request') && !isOwn(payload, repository),
    repository,
    unique: uniqueText(environment),
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
  const run = [environment['GITHUB_RUN_ID'], environment['GITHUB_RUN_ATTEMPT']]
  return [...run.filter((text) => /^\d{1,20}$/.test(text ?? '')), randomBytes(6).toString('hex')].join('-')
}

function branch(name: string | undefined): string | undefined {
  return name === undefined || name === '' ? undefined : `refs/heads/${name}`
}

function textAt(payload: unknown, ...path: readonly string[]): string | undefined {
  let value = payload
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  return typeof value === 'string' ? value : undefined
}
