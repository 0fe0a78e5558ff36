import { rm } from 'node:fs/promises'
import type { Env } from '../../exec.js'
import { parseObject } from '../../lib/json.js'
import { type Platform, platformFolder } from '../../lib/platform.js'
import { joinTars } from '../../lib/prefixed-tar.js'
import { formatReference } from '../../metadata/reference.js'
import { imageIndex, type IndexEntry, isIndex } from '../../registry/image-index.js'
import { entriesIn } from '../../registry/index-entries.js'
import type { Metadata } from '../prepare/metadata.js'
import { annotationsAt } from '../prepare/annotations.js'
import { attachedLast, withOwn } from '../push/image-index.js'
import { type Layout, withLayout } from '../push/layout-archive.js'

/** The archive of a platform. */
interface PlatformArchive {
  readonly platform: Platform
  readonly path: string
}

interface Joining {
  readonly metadata: Pick<Metadata, 'references' | 'leveled'>
  /** Private folder of this process. */
  readonly staging: string
  readonly env: Env
}

/** The name that an image has in an OCI layout. */
const REF_NAME = 'org.opencontainers.image.ref.name'

/** Writes one archive of those of all platforms: one OCI layout with an index, or the files of each in a folder. */
export async function joinArchives(
  type: 'oci' | 'tar',
  archives: readonly PlatformArchive[],
  dest: string,
  joining: Joining,
): Promise<void> {
  if (type === 'oci') await joinLayouts(archives, dest, joining)
  else {
    const named = archives.map(({ platform, path }) => ({ path, folder: platformFolder(platform) }))
    await joinTars(named, dest)
  }
  for (const { path } of archives) await rm(path)
}

async function joinLayouts(
  archives: readonly PlatformArchive[],
  dest: string,
  { metadata, staging, env }: Joining,
): Promise<void> {
  await withLayout(staging, env, async (layout) => {
    const entries: IndexEntry[] = []
    for (const archive of archives) {
      await layout.unpack(archive.path)
      entries.push(...(await readEntries(layout, archive, metadata)))
    }
    const index = imageIndex(attachedLast(entries), annotationsAt(metadata, 'index').annotations)
    await layout.write(index)
    const [first] = metadata.references
    const named = first !== undefined && { [REF_NAME]: formatReference(first) }
    await layout.setTop(index, { ...named, ...annotationsAt(metadata, 'index-descriptor').annotations })
    await layout.pack(dest)
  })
}

/** The image that was unpacked last, with what is attached to it. */
async function readEntries(
  layout: Layout,
  { platform }: PlatformArchive,
  metadata: Joining['metadata'],
): Promise<IndexEntry[]> {
  const { digest, mediaType, size } = await layout.top()
  const own = annotationsAt(metadata, 'manifest-descriptor', platform)
  if (!isIndex(mediaType)) return [{ platform: { ...platform }, digest, mediaType, size, ...own }]
  // One takes its place.
  const index = parseObject((await layout.take(digest)).toString('utf8'))
  return entriesIn(index).map((entry) => withOwn(entry, own))
}
