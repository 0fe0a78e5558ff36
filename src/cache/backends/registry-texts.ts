import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactRepository, BlobName, StoredManifest } from '../../artifact-repository.js'
import { type ArtifactFacts, blobNameOf, type Form, formatArtifact, MANIFEST_TYPE } from './registry-manifest.js'

/** What became of a tag. */
export interface Written {
  /** Digest of the manifest that had the tag before, where another one had. */
  readonly replaced: string | undefined
  /** Whether nothing had. */
  readonly isNew: boolean
}

interface Target {
  readonly repository: ArtifactRepository
  /** Private folder of this process, absolute. */
  readonly stagingDir: string
  readonly signal: AbortSignal
  /** Whether the repository has a blob for certain. */
  readonly isThere: (blob: BlobName) => boolean
}

const FORMS: readonly Form[] = ['artifact', 'image']

/**
 * Puts a text with the parts that it names under a tag, in the place of what was there: the last writer wins.
 * @param before what has the tag now
 * @throws Error where the registry takes neither form
 */
export async function putText(
  tag: string,
  facts: ArtifactFacts,
  before: StoredManifest | undefined,
  target: Target,
): Promise<Written> {
  const { repository, signal } = target
  // No two are the same: nobody has sent it before.
  await sendBytes(facts.text, target)
  for (const form of FORMS) {
    const { manifest, config } = formatArtifact(facts, form)
    const { digest } = blobNameOf(Buffer.from(manifest))
    await putBytes(Buffer.from(config), target)
    if (await repository.putManifest(tag, MANIFEST_TYPE, manifest, signal)) {
      const replaced = before === undefined || before.digest === digest ? undefined : before.digest
      return { replaced, isNew: before === undefined }
    }
  }
  throw new Error(`${repository.name} takes no manifest of a cache, neither as an artifact nor as an image`)
}

async function putBytes(bytes: Buffer, target: Target): Promise<void> {
  const blob = blobNameOf(bytes)
  if (target.isThere(blob) || (await target.repository.hasBlob(blob.digest))) return
  await sendBytes(bytes, target)
}

async function sendBytes(bytes: Buffer, { repository, stagingDir, signal }: Target): Promise<void> {
  const blob = blobNameOf(bytes)
  const file = join(stagingDir, `outgoing-${blob.digest.slice('sha256:'.length)}`)
  await writeFile(file, bytes, { mode: 0o600 })
  try {
    await repository.putBlob(blob, file, signal)
  } finally {
    await rm(file, { force: true })
  }
}
