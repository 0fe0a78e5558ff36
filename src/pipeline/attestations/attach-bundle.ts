import { describeInLine, UserError } from '../../errors.js'
import { info, result, warn } from '../../log.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import { attachArtifact } from '../../registry/referrers.js'
import type { Registries } from '../../registry/registries.js'
import type { SignedBundle } from '../../signing/sigstore.js'
import type { Predicate } from '../../signing/statement.js'

/**
 * Puts a bundle beside the image that it is about, for those who ask the registry.
 * @param isForced whether a registry without the referrers API gets it as well, and one that refuses it is an error
 */
export async function attachBundle(
  image: Reference & { readonly digest: string },
  bundle: SignedBundle,
  { type, title }: Predicate,
  { registries, isForced }: { readonly registries: Registries; readonly isForced: boolean },
): Promise<void> {
  const artifact = {
    type: bundle.mediaType,
    content: Buffer.from(JSON.stringify(bundle)),
    annotations: { 'dev.sigstore.bundle.content': 'dsse-envelope', 'dev.sigstore.bundle.predicateType': type },
  }
  const name = formatReference(repositoryOf(image))
  try {
    if (await attachArtifact(registries, image, artifact, isForced)) result(`Attached the ${title} to ${name}`)
    else
      info(
        `Attest: ${image.registry} has no referrers API, so only GitHub has the ${title} (\`attest: registry\` stores it there as well)`,
      )
  } catch (error) {
    if (isForced || !(error instanceof UserError)) throw error
    warn(`Attest: could not attach the ${title} to ${name}; GitHub has it. ${describeInLine(error)}`)
  }
}
