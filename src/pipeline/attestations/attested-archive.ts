import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { attestationManifest } from '../../attestation/attestation-manifest.js'
import type { Env } from '../../exec.js'
import { imageIndex } from '../../registry/image-index.js'
import { withLayout } from '../push/layout-archive.js'
import type { AttestedImage } from './attested-push.js'

/** In the private folder. */
const ARCHIVE = 'attested.tar'

/**
 * Puts what is attached to the image of an OCI archive into it: the archive is then of an index of both, as BuildKit's.
 * What is for registries alone is left out.
 * @param archive absolute path
 * @param staging private folder of this process
 */
export async function attachInArchive(
  archive: string,
  { predicates, platform, names }: Omit<AttestedImage, 'image'>,
  { staging, env }: { readonly staging: string; readonly env: Env },
): Promise<void> {
  const chosen = predicates.filter(({ inlineOnly }) => inlineOnly !== true)
  if (chosen.length === 0) return
  const made = join(staging, ARCHIVE)
  await withLayout(staging, env, async (layout) => {
    await layout.unpack(archive)
    const { annotations, ...image } = await layout.top()
    const { blobs, manifest, entry } = attestationManifest(image, chosen, { platform, references: names })
    const index = imageIndex([{ platform, ...image }, entry])
    for (const blob of [...blobs, manifest, index]) await layout.write(blob)
    await layout.setTop(index, annotations)
    await layout.pack(made)
  })
  await copyFile(made, archive)
  await rm(made)
}
