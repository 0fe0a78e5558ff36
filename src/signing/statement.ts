import { UserError } from '../errors.js'
import { formatBytes } from '../lib/format.js'
import type { Claims } from './claims.js'

/** What is said of an image. */
export interface Predicate {
  /** A URL that names its form. */
  readonly type: string
  /** What it is, for people: `provenance`. */
  readonly title: string
  readonly content: object
}

/** What a statement is about. */
export interface Subject {
  /** `ghcr.io/acme/web`, without a tag. */
  readonly name: string
  /** `sha256:…` */
  readonly digest: string
}

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
export const PROVENANCE = 'https://slsa.dev/provenance/v1'
const BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1'

/** What GitHub's API takes of a predicate. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * An in-toto statement, as it is signed. Pure.
 * @throws UserError where it is larger than GitHub's API takes
 */
export function statementOf(subjects: readonly Subject[], { type, title, content }: Predicate): Buffer {
  const predicate = JSON.stringify(content)
  const size = Buffer.byteLength(predicate)
  if (size > MAX_BYTES)
    throw new UserError(
      `Input "attest": the ${title} has ${formatBytes(size)}, and GitHub takes ${formatBytes(MAX_BYTES)}.`,
      'Write `attest: false`, or make the image smaller, for example with a base image that has fewer files.',
    )
  const subject = subjects.map(({ name, digest }) => {
    const [algorithm = '', hex = ''] = digest.split(':')
    return { name, digest: { [algorithm]: hex } }
  })
  return Buffer.from(
    JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType: type, predicate: content }),
  )
}

/** The provenance of what a run has made: the same as that of actions/attest. Pure. @param server of GitHub, without a slash at its end */
export function provenanceOf(claims: Claims, server: string): Predicate {
  const repository = `${server}/${claims.repository}`
  const [path = ''] = claims.workflow.replace(`${claims.repository}/`, '').split('@')
  return {
    type: PROVENANCE,
    title: 'provenance',
    content: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { workflow: { ref: claims.ref, repository, path } },
        internalParameters: {
          github: {
            event_name: claims.event,
            repository_id: claims.repositoryId,
            repository_owner_id: claims.ownerId,
            runner_environment: claims.runner,
          },
        },
        resolvedDependencies: [{ uri: `git+${repository}@${claims.ref}`, digest: { gitCommit: claims.sha } }],
      },
      runDetails: {
        builder: { id: `${server}/${claims.jobWorkflow}` },
        metadata: { invocationId: `${repository}/actions/runs/${claims.run}/attempts/${claims.attempt}` },
      },
    },
  }
}
