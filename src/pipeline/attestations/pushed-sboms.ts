import { SBOM_LIMIT } from '../../attestation/sbom.js'
import { SPDX_TYPE } from '../../attestation/statement.js'
import { isObject, listOf, objectOf, parseObject } from '../../lib/json.js'
import { type Reference, repositoryOf } from '../../metadata/reference.js'
import { isDigest } from '../../registry/manifest.js'
import type { Registries } from '../../registry/registries.js'
import type { Predicate } from '../../signing/statement.js'

/** An SBOM that lies beside an image, and the digest of the platform that it is of. */
export interface PushedSbom extends Predicate {
  readonly platformDigest: string
}

/** The SBOMs in an index, in BuildKit's form, as the registry has them; none of a single manifest. @throws RegistryError */
export async function readSboms(
  image: Reference & { readonly digest: string },
  registries: Pick<Registries, 'fetchManifest' | 'fetchBlob'>,
): Promise<PushedSbom[]> {
  const repository = repositoryOf(image)
  const read = async (digest: string) => {
    const manifest = await registries.fetchManifest({ ...repository, digest })
    return parseObject(manifest?.bytes.toString('utf8') ?? '')
  }
  const { manifests } = await read(image.digest)
  const sboms: PushedSbom[] = []
  for (const entry of described(manifests, 'vnd.docker.reference.type', 'attestation-manifest')) {
    const { layers } = await read(entry.digest)
    for (const layer of described(layers, 'in-toto.io/predicate-type', SPDX_TYPE)) {
      const blob = await registries.fetchBlob(repository, layer.digest, SBOM_LIMIT)
      const content = objectOf(parseObject(blob.toString('utf8'))['predicate'])
      const platformDigest = String(entry.annotations['vnd.docker.reference.digest'])
      if (isDigest(platformDigest)) sboms.push({ type: SPDX_TYPE, title: 'SBOM', content, platformDigest })
    }
  }
  return sboms
}

/** Descriptors that have this annotation. */
function described(list: unknown, name: string, value: string) {
  return listOf(list)
    .filter(isObject)
    .map(({ digest, annotations }) => ({ digest: String(digest), annotations: objectOf(annotations) }))
    .filter(({ digest, annotations }) => isDigest(digest) && annotations[name] === value)
}
