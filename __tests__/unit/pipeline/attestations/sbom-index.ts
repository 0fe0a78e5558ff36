import type { Reference } from '../../../../src/metadata/reference.js'
import { digestLike } from '../../../../src/registry/manifest.js'
import type { FakeRegistries } from '../../registry/fake-registries.js'

/** An index of one platform, with an SBOM as BuildKit attaches it. */
export async function putIndexWithSbom(
  { registries }: FakeRegistries,
  repository: Reference,
  platform: string,
): Promise<string> {
  const put = async (bytes: Buffer, into: Reference) => {
    const digest = digestLike(bytes)
    await registries.putBlob(into, { digest, bytes })
    return digest
  }
  const putJson = async (mediaType: string, content: object) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
    const digest = digestLike(bytes)
    await registries.putManifest({ ...repository, digest }, { mediaType, digest, bytes, size: bytes.length })
    return digest
  }
  const statement = { predicateType: 'https://spdx.dev/Document', predicate: { spdxVersion: 'SPDX-2.3' } }
  const blob = await put(Buffer.from(JSON.stringify(statement)), repository)
  const annotations = { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' }
  const beside = await putJson('application/vnd.oci.image.manifest.v1+json', {
    layers: [{ digest: blob, annotations }],
  })
  const marks = { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': platform }
  return await putJson('application/vnd.oci.image.index.v1+json', {
    manifests: [{ digest: platform }, { digest: beside, annotations: marks }],
  })
}
