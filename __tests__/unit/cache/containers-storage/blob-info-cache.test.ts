import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import {
  isBlobInfoCacheName,
  type BlobInfoCache,
  readBlobInfoCache,
  writeBlobInfoCache,
} from '../../../../src/cache/containers-storage/blob-info-cache.js'
import { temporaryFolder } from '../../helpers.js'
import { storeOf } from '../fixtures.js'

const isRoot = process.getuid?.() === 0
const bytes = Buffer.from([0, 255, 10, 13, 128])
const memory: BlobInfoCache[] = [
  { name: 'blob-info-cache-v1.sqlite', content: bytes.toString('base64') },
  { name: 'blob-info-cache-v1.boltdb', content: '' },
]
const placeIn = (folder: string) => join(folder, 'data/containers/cache')

function written(): { store: ReturnType<typeof storeOf>; path: string } {
  const store = storeOf()
  mkdirSync(placeIn(store.folder), { recursive: true })
  return { store, path: join(placeIn(store.folder), 'blob-info-cache-v1.sqlite') }
}

describe('Buildah’s memory', () => {
  it('is put where a build looks for it, private, and read again', async () => {
    const store = storeOf()
    await writeBlobInfoCache(memory, store, temporaryFolder())
    const file = join(placeIn(store.folder), 'blob-info-cache-v1.sqlite')
    expect(readFileSync(file)).toStrictEqual(bytes)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(placeIn(store.folder)).mode & 0o777).toBe(0o700)
    expect(await readBlobInfoCache(store)).toStrictEqual(memory)
  })

  it('is empty where a build has none, and nothing is made for nothing', async () => {
    const store = storeOf()
    await writeBlobInfoCache([], store, temporaryFolder())
    expect(await readBlobInfoCache(store)).toStrictEqual([])
    expect(() => statSync(join(store.folder, 'data/containers'))).toThrow('ENOENT')
  })

  it('is replaced by a newer one', async () => {
    const store = storeOf()
    await writeBlobInfoCache(memory, store, temporaryFolder())
    await writeBlobInfoCache([{ name: 'blob-info-cache-v1.sqlite', content: 'AA==' }], store, temporaryFolder())
    expect((await readBlobInfoCache(store))[0]?.content).toBe('AA==')
  })

  it('is not written through a link in its place', async () => {
    const { store, path } = written()
    const victim = join(temporaryFolder(), 'victim')
    writeFileSync(victim, 'mine')
    symlinkSync(victim, path)
    await writeBlobInfoCache(memory, store, temporaryFolder())
    expect(readFileSync(victim, 'utf8')).toBe('mine')
    expect(readFileSync(path)).toStrictEqual(bytes)
  })

  it('is not what a link in its place shows', async () => {
    const { store, path } = written()
    const secret = join(temporaryFolder(), 'secret')
    writeFileSync(secret, 'hunter2')
    symlinkSync(secret, path)
    expect(await readBlobInfoCache(store)).toStrictEqual([])
  })

  it('is begun anew where it has grown too large', async () => {
    const { store, path } = written()
    writeFileSync(path, '')
    truncateSync(path, 8 * 2 ** 20)
    expect(await readBlobInfoCache(store)).toHaveLength(1)
    truncateSync(path, 8 * 2 ** 20 + 1)
    expect(await readBlobInfoCache(store)).toStrictEqual([])
  })

  it('is not waited for where a pipe lies in its place, which nobody writes to', async () => {
    const { store, path } = written()
    execFileSync('mkfifo', [path])
    const late = sleep(20_000, 'still waiting' as const, { ref: false })
    const outcome = await Promise.race([readBlobInfoCache(store), late])
    // Lets go of who waits, so that the test ends.
    if (outcome === 'still waiting') writeFileSync(path, '')
    expect(outcome).toStrictEqual([])
  })

  it('is not what a folder in its place has', async () => {
    const { store, path } = written()
    mkdirSync(path)
    expect(await readBlobInfoCache(store)).toStrictEqual([])
  })

  // Only root can give files away.
  ;(isRoot ? it : it.skip)(
    'belongs to the account where that is another, which puts it there (needs root)',
    async () => {
      const enter = ['setpriv', '--reuid=12345', '--regid=23456', '--clear-groups', '--']
      const store = storeOf({ foreign: true, uid: 12345, gid: 23456, enter })
      chmodSync(store.folder, 0o711)
      for (const name of ['data', 'parts']) chownSync(join(store.folder, name), 12345, 23456)
      await writeBlobInfoCache(memory, store, temporaryFolder())
      expect(await readBlobInfoCache(store)).toStrictEqual(memory)
      for (const path of [
        'data/containers',
        'data/containers/cache',
        'data/containers/cache/blob-info-cache-v1.sqlite',
      ]) {
        const { uid, gid } = statSync(join(store.folder, path))
        expect([path, uid, gid]).toStrictEqual([path, 12345, 23456])
      }
    },
  )
})

describe('isBlobInfoCacheName', () => {
  it.each<[unknown, boolean]>([
    ['blob-info-cache-v1.sqlite', true],
    ['blob-info-cache-v1.boltdb', true],
    ['blob-info-cache-v1.sqlite/../x', false],
    ['../x', false],
    ['', false],
    [['blob-info-cache-v1.sqlite'], false],
    [undefined, false],
  ])('%j: %s', (name, expected) => {
    expect(isBlobInfoCacheName(name)).toBe(expected)
  })
})
