import { describe, expect, it } from '@jest/globals'
import { readClaims } from '../../../src/signing/claims.js'
import { everythingOf, refusal } from '../helpers.js'

const CLAIMS = {
  ...{ sub: 'repo:acme/web', repository: 'acme/web', repository_id: '7', repository_owner_id: '8' },
  ...{ repository_visibility: 'public', ref: 'refs/heads/main', sha: 'abc', event_name: 'push' },
  ...{ workflow_ref: 'acme/web/.github/workflows/a.yml@refs/heads/main', runner_environment: 'self-hosted' },
  ...{ job_workflow_ref: 'acme/builds/.github/workflows/b.yml@v1', run_id: '12', run_attempt: '3' },
}
const tokenOf = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`

describe('the claims of a token', () => {
  it('are read', () => {
    expect(readClaims(tokenOf(CLAIMS))).toStrictEqual({
      ...{ repository: 'acme/web', repositoryId: '7', ownerId: '8', isPublic: true, ref: 'refs/heads/main' },
      ...{ sha: 'abc', event: 'push', workflow: CLAIMS.workflow_ref, jobWorkflow: CLAIMS.job_workflow_ref },
      ...{ runner: 'self-hosted', run: '12', attempt: '3' },
    })
  })

  it.each(['private', 'internal', 'PUBLIC'])('are of a repository that isn’t for everybody: %s', (visibility) => {
    expect(readClaims(tokenOf({ ...CLAIMS, repository_visibility: visibility })).isPublic).toBe(false)
  })

  it.each([
    ['one that lacks its subject', tokenOf({ ...CLAIMS, sub: undefined }), /lacks sub\.$/],
    ['one with a number', tokenOf({ ...CLAIMS, run_id: 12 }), /lacks run_id\.$/],
    ['one whose repository leads elsewhere', tokenOf({ ...CLAIMS, repository: 'acme/web/../x' }), /lacks the name/],
    ['one that is no object', tokenOf([]), /lacks sub, repository, /],
    ['one that is none', 'secret', /lacks sub, repository, /],
    ['nothing', '', /lacks sub, repository, /],
  ])('are refused of %s, without showing it', (_, token, message) => {
    const error = refusal(() => readClaims(token))
    expect(error.message).toMatch(message)
    if (token !== '') expect(everythingOf(error)).not.toContain(token)
  })
})
