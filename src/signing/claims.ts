import { UserError } from '../errors.js'
import { parseObject } from '../lib/json.js'

/** What an identity token of GitHub Actions says of the run, as it is written there. */
export interface Claims {
  /** `owner/name` */
  readonly repository: string
  readonly repositoryId: string
  readonly ownerId: string
  /** Whether everybody may see the repository. */
  readonly isPublic: boolean
  /** Whole, as `refs/heads/main`. */
  readonly ref: string
  readonly sha: string
  readonly event: string
  /** The workflow that was started: `owner/name/.github/workflows/image.yml@refs/heads/main`. */
  readonly workflow: string
  /** The one that the job is of; another one where that is a reusable workflow. */
  readonly jobWorkflow: string
  /** `github-hosted` or `self-hosted` */
  readonly runner: string
  readonly run: string
  readonly attempt: string
}

/** By their names in the token. `sub` isn't read here, but what is signed is signed for it. */
const NAMES = [
  ...['sub', 'repository', 'repository_id', 'repository_owner_id', 'repository_visibility', 'ref', 'sha', 'event_name'],
  ...['workflow_ref', 'job_workflow_ref', 'runner_environment', 'run_id', 'run_attempt'],
]

/** What a path of the API is made of. */
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/

/**
 * Reads a token that the runner gave. Its signature is left to the certificate authority, which gets the same token: for
 * one that GitHub hasn't signed it gives no certificate, and then nothing is signed.
 * @throws UserError for one that isn't of a run of GitHub Actions
 */
export function readClaims(token: string): Claims {
  const payload = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  const text = (name: string) => {
    const value = payload[name]
    return typeof value === 'string' ? value : ''
  }
  const missing = NAMES.filter((name) => text(name) === '')
  const repository = text('repository')
  if (missing.length > 0 || !REPOSITORY.test(repository))
    throw new UserError(
      `Input "attest": the identity token of the runner isn't one of a job on GitHub: it lacks ${missing.join(', ') || 'the name of a repository'}.`,
      'Remove `attest`, or run the job on GitHub Actions.',
    )
  return {
    repository,
    repositoryId: text('repository_id'),
    ownerId: text('repository_owner_id'),
    isPublic: text('repository_visibility') === 'public',
    ref: text('ref'),
    sha: text('sha'),
    event: text('event_name'),
    workflow: text('workflow_ref'),
    jobWorkflow: text('job_workflow_ref'),
    runner: text('runner_environment'),
    run: text('run_id'),
    attempt: text('run_attempt'),
  }
}
