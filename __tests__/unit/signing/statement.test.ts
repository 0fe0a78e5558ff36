import { describe, expect, it } from '@jest/globals'
import type { Claims } from '../../../src/signing/claims.js'
import { PROVENANCE, provenanceOf, statementOf } from '../../../src/signing/statement.js'
import { refusal } from '../helpers.js'

const DIGEST = `sha256:${'d'.repeat(64)}`
const claims: Claims = {
  repository: 'acme/web',
  ...{ repositoryId: '7', ownerId: '8', isPublic: true, ref: 'refs/heads/main', sha: 'a'.repeat(40), event: 'push' },
  workflow: 'acme/web/.github/workflows/image.yml@refs/heads/main',
  jobWorkflow: 'acme/builds/.github/workflows/build.yml@refs/tags/v1',
  ...{ runner: 'github-hosted', run: '12', attempt: '3' },
}

describe('the provenance', () => {
  it('is that of actions/attest, of the claims of the token', () => {
    expect(provenanceOf(claims, 'https://github.com')).toStrictEqual({
      type: PROVENANCE,
      title: 'provenance',
      content: {
        buildDefinition: {
          buildType: 'https://actions.github.io/buildtypes/workflow/v1',
          externalParameters: {
            workflow: {
              ref: 'refs/heads/main',
              repository: 'https://github.com/acme/web',
              path: '.github/workflows/image.yml',
            },
          },
          internalParameters: {
            github: {
              event_name: 'push',
              repository_id: '7',
              repository_owner_id: '8',
              runner_environment: 'github-hosted',
            },
          },
          resolvedDependencies: [
            { uri: 'git+https://github.com/acme/web@refs/heads/main', digest: { gitCommit: 'a'.repeat(40) } },
          ],
        },
        runDetails: {
          builder: { id: 'https://github.com/acme/builds/.github/workflows/build.yml@refs/tags/v1' },
          metadata: { invocationId: 'https://github.com/acme/web/actions/runs/12/attempts/3' },
        },
      },
    })
  })
})

describe('a statement', () => {
  it('names its subjects by their digests', () => {
    const predicate = { type: 'https://spdx.dev/Document', title: 'SBOM', content: { name: 'web' } }
    const text = statementOf([{ name: 'ghcr.io/acme/web', digest: DIGEST }], predicate).toString('utf8')
    expect(JSON.parse(text)).toStrictEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'ghcr.io/acme/web', digest: { sha256: 'd'.repeat(64) } }],
      predicateType: 'https://spdx.dev/Document',
      predicate: { name: 'web' },
    })
  })

  it('is refused with a predicate that GitHub doesn’t take, and taken with one that it does', () => {
    const bytes = 16 * 1024 * 1024
    const predicate = (length: number) => ({ type: 'x', title: 'SBOM', content: { text: 'x'.repeat(length) } })
    const envelope = '{"text":""}'.length
    expect(() => statementOf([], predicate(bytes - envelope))).not.toThrow()
    const { message, hint } = refusal(() => statementOf([], predicate(bytes - envelope + 1)))
    expect(message).toBe('Input "attest": the SBOM has 16.8 MB, and GitHub takes 16.8 MB.')
    expect(hint).toMatch(/attest: false/)
  })
})
