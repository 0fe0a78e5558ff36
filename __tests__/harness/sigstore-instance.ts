import { createHash, generateKeyPairSync } from 'node:crypto'

import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle'
import {
  fulcioHandler,
  type HandlerFn,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { type Signer, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'

/** A whole Sigstore in memory: what signs, and what its clients trust. */
export interface SigstoreLab {
  /** By the first part of their paths. */
  readonly services: Readonly<Record<'fulcio' | 'rekor' | 'timestamps', HandlerFn>>
  /** The trust root, as clients keep it in a file. */
  readonly trustedRoot: object
  /** Verifies a bundle as a client of that instance does. @throws the verifier's error */
  readonly verify: (bundle: SerializedBundle, instance: 'open' | 'closed') => Signer
}

const VALID = { start: '2020-01-01T00:00:00Z' }

export async function makeSigstore(): Promise<SigstoreLab> {
  const [ctKeys, caKeys, logKeys, tsaKeys] = [keys(), keys(), keys(), keys()]
  const ctLog = await initializeCTLog(ctKeys)
  const ca = await initializeCA(caKeys, ctLog)
  const log = await initializeTLog('https://rekor.sigstore.dev', logKeys)
  const now = new Date()
  const tsa = await initializeTSA(tsaKeys, now)
  const timestamps = tsaHandler(tsa).fn
  const rekor = rekorHandler(log).fn
  const trustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf('https://rekor.sigstore.dev', log.publicKey)],
    ctlogs: [logOf('https://ctfe.sigstore.dev', ctLog.publicKey)],
    certificateAuthorities: [authority('https://fulcio.sigstore.dev', ca.rootCertificate)],
    timestampAuthorities: [authority('https://timestamp.githubapp.com', tsa.intCertificate, tsa.rootCertificate)],
  }
  const material = toTrustMaterial(TrustedRoot.fromJSON(trustedRoot))
  return {
    services: {
      fulcio: fulcioHandler(ca).fn,
      rekor: (body) => rekor(asRekorKeeps(body)),
      timestamps(body) {
        // In whole seconds: the mock writes 420 ms as `.42`, and the verifier wants three digits.
        now.setTime(Math.floor(Date.now() / 1000) * 1000)
        return timestamps(body)
      },
    },
    trustedRoot,
    verify(bundle, instance) {
      const isOpen = instance === 'open'
      const thresholds = { ctlogThreshold: 1, tlogThreshold: isOpen ? 1 : 0, timestampThreshold: isOpen ? 0 : 1 }
      return new Verifier(material, thresholds).verify(toSignedEntity(bundleFromJSON(bundle)))
    },
  }
}

function keys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** Rekor keeps digests and signatures of an envelope; the mock would keep what it is sent. */
function asRekorKeeps(body: string): string {
  const { kind, apiVersion, spec } = JSON.parse(body) as {
    kind: string
    apiVersion: string
    spec: { proposedContent: { envelope: string; verifiers: [string] } }
  }
  const { envelope, verifiers } = spec.proposedContent
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] }
  const hash = (content: Buffer | string) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(content).digest('hex'),
  })
  return JSON.stringify({
    kind,
    apiVersion,
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(Buffer.from(payload, 'base64')),
      signatures: signatures.map(({ sig }) => ({ signature: sig, verifier: verifiers[0] })),
    },
  })
}

function logOf(baseUrl: string, key: Buffer) {
  return {
    ...{ baseUrl, hashAlgorithm: 'SHA2_256' },
    publicKey: { rawBytes: key.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: VALID },
    logId: { keyId: createHash('sha256').update(key).digest('base64') },
  }
}

function authority(uri: string, ...certificates: ArrayBufferView[]) {
  return {
    ...{ uri, subject: { organization: 'sigstore.mock', commonName: 'mock' }, validFor: VALID },
    certChain: { certificates: certificates.map((one) => ({ rawBytes: bytesOf(one).toString('base64') })) },
  }
}

/** Of a view of whatever kind. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}
