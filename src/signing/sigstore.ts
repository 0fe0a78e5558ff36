import { bundleToJSON, type SerializedBundle as SignedBundle } from '@sigstore/bundle'
import { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } from '@sigstore/sign'
import { RegistryError } from '../errors.js'
import { quote } from '../lib/quote.js'
import type { Secret } from '../lib/secret.js'
import type { SigstoreInstance } from './endpoints.js'
import { PAYLOAD_TYPE } from './statement.js'

export type { SignedBundle }

const TIMEOUT_MS = 10_000
/** What goes wrong is tried again by those who call, with lines in the log. */
const ONCE = { timeout: TIMEOUT_MS, retry: 0 }

/**
 * Signs a statement with a key of this moment, whose certificate is given for the identity of the job.
 * @throws RegistryError
 */
export async function sign(data: Buffer, token: Secret, instance: SigstoreInstance): Promise<SignedBundle> {
  const { fulcio, witness } = instance
  const identityProvider = { getToken: () => Promise.resolve(token.reveal()) }
  const signer = new FulcioSigner({ identityProvider, fulcioBaseURL: fulcio, ...ONCE })
  const witnesses =
    'rekor' in witness
      ? [new RekorWitness({ rekorBaseURL: witness.rekor, fetchOnConflict: true, ...ONCE })]
      : [new TSAWitness({ tsaBaseURL: witness.timestamps, ...ONCE })]
  try {
    return bundleToJSON(await new DSSEBundleBuilder({ signer, witnesses }).create({ data, type: PAYLOAD_TYPE }))
  } catch (error) {
    throw failureOf(error, token, instance)
  }
}

/** What the library says of a token that it can't read has the token in it, so that no message of its own is told. */
function failureOf(error: unknown, token: Secret, { fulcio, witness, status }: SigstoreInstance): RegistryError {
  const { code = '', cause } = error as { readonly code?: string; readonly cause?: unknown }
  const url = code.startsWith('CA_') ? fulcio : 'rekor' in witness ? witness.rekor : witness.timestamps
  const { statusCode, message = '' } = (cause ?? {}) as { readonly statusCode?: number; readonly message?: string }
  const answer = quote(message.replaceAll(token.reveal(), '***'))
  return new RegistryError(
    `Input "attest": ${new URL(url).host} of Sigstore didn't sign the statement (${code}): ${answer}.`,
    `Run the job again. If that doesn't help, look at ${status}.`,
    statusCode === undefined || statusCode === 408 || statusCode === 429 || statusCode >= 500,
  )
}
