import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { type Env, execute, findProgram } from '../../exec.js'
import { listOf, objectOf, parseObject } from '../../lib/json.js'
import { type Platform, platformFolder } from '../../lib/platform.js'
import { joinTars } from '../../lib/prefixed-tar.js'
import { formatReference } from '../../metadata/reference.js'
import { imageIndex, type IndexEntry } from '../../registry/image-index.js'
import { isDigest } from '../../registry/manifest.js'
import type { Metadata } from '../prepare/metadata.js'
import { annotationsAt } from '../prepare/annotations.js'

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
/** Nothing in the archive that differs from run to run. */
const PLAIN = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u=rwX,go=rX']

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
  const tar = await findProgram('tar', env)
  if (tar === undefined)
    throw new UserError('Input "outputs": type=oci needs the program tar.', 'sudo apt-get install tar')
  const layout = join(staging, 'layout')
  await mkdir(layout)
  try {
    const entries: IndexEntry[] = []
    for (const archive of archives) {
      await execute([tar, '--extract', '--file', archive.path, '--directory', layout], { env })
      entries.push({
        ...(await readEntry(layout, archive)),
        ...annotationsAt(metadata, 'manifest-descriptor', archive.platform),
      })
    }
    await writeIndex(layout, entries, metadata)
    await execute([tar, '--create', '--file', dest, ...PLAIN, '--directory', layout, '.'], { env })
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}

/** The image that was unpacked last. */
async function readEntry(layout: string, { platform, path }: PlatformArchive): Promise<IndexEntry> {
  const { manifests } = parseObject(await readFile(join(layout, 'index.json'), 'utf8'))
  const { digest, mediaType, size } = objectOf(listOf(manifests)[0])
  if (typeof digest !== 'string' || !isDigest(digest) || typeof mediaType !== 'string' || typeof size !== 'number')
    throw new Error(`${path} has no image in it`)
  return { platform: { ...platform }, digest, mediaType, size }
}

async function writeIndex(
  layout: string,
  entries: readonly IndexEntry[],
  metadata: Joining['metadata'],
): Promise<void> {
  const { digest, bytes, mediaType, size } = imageIndex(entries, annotationsAt(metadata, 'index').annotations)
  const [algorithm = '', hex = ''] = digest.split(':')
  await writeFile(join(layout, 'blobs', algorithm, hex), bytes)
  const [first] = metadata.references
  const named = first !== undefined && { [REF_NAME]: formatReference(first) }
  const annotations = { ...named, ...annotationsAt(metadata, 'index-descriptor').annotations }
  const index = { schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations }] }
  await writeFile(join(layout, 'index.json'), JSON.stringify(index))
}
