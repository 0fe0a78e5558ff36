import type { ArtifactRepository } from '../../artifact-repository.js'
import { info, warn } from '../../log.js'
import { isIndex, noteBeside, scopeOfIndexes } from '../key.js'
import { parseArtifact } from './registry-manifest.js'
import type { Written } from './registry-texts.js'

interface Place {
  readonly repository: ArtifactRepository
  readonly ttlMs: number
  readonly signal: AbortSignal
}

/** How many other branches are looked at when one more gets a tag: on average more go than come. */
const LOOKS = 20

/** Repositories that were said to delete nothing. */
const undeletable = new WeakSet<ArtifactRepository>()

/**
 * Removes what a new manifest has taken the place of. When a branch gets its first index, those of branches go that have
 * had no new one for too long, and whoever lets everybody read all this is told.
 */
export async function keepTidy(tag: string, { replaced, isNew }: Written, place: Place): Promise<void> {
  if (replaced !== undefined) await remove(replaced, place)
  if (!isNew || !isIndex(tag)) return
  const { repository, signal } = place
  if (await repository.isPublic(tag, signal))
    warn(
      `Cache: everybody can read ${repository.name} without a login, and with it the layers of every build stage. Make the repository private, or keep secrets out of all stages.`,
    )
  await removeAged(tag, place)
}

async function removeAged(tag: string, place: Place): Promise<void> {
  const { repository, ttlMs, signal } = place
  const all = await repository.tags(signal)
  const others = all.filter((one) => one !== tag && one.startsWith(scopeOfIndexes(tag)))
  const first = others.length <= LOOKS ? 0 : Math.floor(Math.random() * (others.length - LOOKS))
  for (const other of others.slice(first, first + LOOKS)) {
    const manifest = await repository.fetchManifest(other, signal)
    if (manifest === undefined || parseArtifact(manifest.text).created >= Date.now() - ttlMs) continue
    const note = await repository.fetchManifest(noteBeside(other), signal)
    for (const found of [manifest, note]) if (found !== undefined) await remove(found.digest, place)
  }
}

async function remove(digest: string, { repository, signal }: Place): Promise<void> {
  if (undeletable.has(repository)) return
  if (await repository.deleteManifest(digest, signal)) return
  undeletable.add(repository)
  info(
    `Cache: the registry doesn't let this job delete manifests of ${repository.name}, so older ones stay until the registry removes what has no tag`,
  )
}
