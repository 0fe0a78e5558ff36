import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainersStorage, executeInStorage, giveToBuildUser } from '../../build-storage.js'
import { readPlain } from '../../lib/plain-file.js'

/**
 * What Buildah remembers of registries: which of them has which layer, and in which compressed form. With it, a push of
 * layers that are there already compresses nothing. It is one file, whose name depends on the version.
 */
export interface BlobInfoCache {
  readonly name: (typeof FILES)[number]
  /** Base64. */
  readonly content: string
}

const FILES = ['blob-info-cache-v1.sqlite', 'blob-info-cache-v1.boltdb'] as const
/** Below the private folder, whose `data` is the XDG_DATA_HOME of a build. Root keeps it with the machine. */
const FOLDER = 'data/containers/cache'
/** Buildah drops nothing from it; one that has grown so large is started over. */
const MAX_BYTES = 8 * 2 ** 20

export function isBlobInfoCacheName(value: unknown): value is BlobInfoCache['name'] {
  return FILES.some((name) => name === value)
}

/** The blob info cache of a build; empty where it has none. */
export async function readBlobInfoCache(store: ContainersStorage): Promise<BlobInfoCache[]> {
  const { folder, foreign } = store
  const place = join(folder, FOLDER)
  const parts = join(folder, 'parts')
  if (foreign) {
    // No path in the folders of the account is followed with the rights of root. One of the two is never there.
    const argv = ['timeout', '30', 'cp', '-f', '--', ...FILES.map((name) => join(place, name)), parts]
    await executeInStorage(store, argv).catch(() => undefined)
  }
  const found = await Promise.all(
    FILES.map(async (name) => {
      const content = await readPlain(join(foreign ? parts : place, name), MAX_BYTES).catch(() => undefined)
      return content === undefined ? [] : [{ name, content: content.toString('base64') }]
    }),
  )
  return found.flat()
}

/** Removes it again: the account does, in its own folder. */
export async function removeBlobInfoCache(store: ContainersStorage): Promise<void> {
  await executeInStorage(store, ['rm', '-rf', '--', join(store.folder, FOLDER)])
}

/**
 * Puts that of an earlier run where a build will look for it.
 * @param stagingDir private folder of this process
 */
export async function writeBlobInfoCache(
  files: readonly BlobInfoCache[],
  store: ContainersStorage,
  stagingDir: string,
): Promise<void> {
  const { folder, foreign } = store
  const place = join(folder, FOLDER)
  for (const { name, content } of files) {
    const ours = join(stagingDir, name)
    await rm(ours, { force: true })
    await writeFile(ours, Buffer.from(content, 'base64'), { mode: 0o600, flag: 'wx' })
    if (foreign) {
      const argv = ['install', '-D', '-m', '0600', '--', await giveToBuildUser(store, ours, name), join(place, name)]
      await executeInStorage(store, argv)
    } else {
      await mkdir(place, { mode: 0o700, recursive: true })
      await rename(ours, join(place, name))
    }
  }
}
