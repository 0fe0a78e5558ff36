import { withRetries } from '../../lib/retry.js'
import { openConnection } from '../../registry/http.js'
import type { Registries } from '../../registry/registries.js'
import { type Inputs, mask } from '../../runner/inputs.js'
import { type Claims, readClaims } from '../../signing/claims.js'
import { isStored, store } from '../../signing/github-attestations.js'
import { requestIdToken } from '../../signing/id-token.js'
import { sign, type SignedBundle } from '../../signing/sigstore.js'
import { type Predicate, PROVENANCE, statementOf, type Subject } from '../../signing/statement.js'
import { openRegistries, type Surroundings } from '../pipeline-context.js'

/** A statement that was signed and stored. */
export interface Attestation {
  /** Where GitHub shows it. */
  readonly url: string
  readonly bundle: SignedBundle
}

/** Where statements are signed in the name of this job, and stored. All reject with a RegistryError. */
export interface SigningSite {
  /** Address of the GitHub server. */
  readonly server: string
  /** Who signs. */
  readonly claims: Claims
  readonly registries: Registries
  /** Whether GitHub has a provenance of a digest. */
  readonly isAttested: (digest: string) => Promise<boolean>
  /** @param what it is, for the log */
  readonly attest: (what: string, subjects: readonly Subject[], predicate: Predicate) => Promise<Attestation>
  readonly close: () => void
}

/** @throws UserError where the runner gives no identity */
export async function openSite(
  { githubToken }: Pick<Inputs, 'githubToken'>,
  there: Surroundings,
): Promise<SigningSite> {
  const { server, idTokens, env } = there.context
  const { endpointsOf, clock } = there.services.signing
  const endpoints = endpointsOf(server)
  if (endpoints === undefined || idTokens === undefined || githubToken === undefined)
    throw new Error('nobody asked whether this job can attest')
  const connection = openConnection({ insecure: endpoints.insecure, env })
  try {
    const token = await withRetries('Request of an identity token', () => requestIdToken(idTokens, connection), clock)
    mask(token)
    const claims = readClaims(token.reveal())
    const instance = claims.isPublic ? endpoints.open : endpoints.closed
    const api = { connection, api: endpoints.api, repository: claims.repository, token: githubToken }
    const registries = await openRegistries(there)
    return {
      ...{ server, claims, registries },
      isAttested: (digest) =>
        withRetries(`Lookup of attestations of ${digest}`, () => isStored(api, digest, PROVENANCE), clock),
      async attest(what, subjects, predicate) {
        const statement = statementOf(subjects, predicate)
        const bundle = await withRetries(`Signing of ${what}`, () => sign(statement, token, instance), clock)
        const id = await withRetries(`Storing of ${what}`, () => store(api, bundle), clock)
        return { url: `${server}/${claims.repository}/attestations/${id}`, bundle }
      },
      close() {
        registries.close()
        connection.close()
      },
    }
  } catch (error) {
    connection.close()
    throw error
  }
}
