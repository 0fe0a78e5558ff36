import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import {
  type ContainersStorage,
  giveToBuildUser,
  takeFromBuildUser,
  withStorageOfEarlier,
} from '../../src/build-storage.js'
import { storeOf } from './cache/fixtures.js'
import { temporaryFolder } from './helpers.js'

const isRoot = process.getuid?.() === 0

describe('handOver', () => {
  it('moves a file into the folder of the account', async () => {
    const store = storeOf()
    const own = join(temporaryFolder(), 'mine')
    writeFileSync(own, 'content')
    const there = await giveToBuildUser(store, own, 'part')
    expect(there).toBe(join(store.folder, 'parts/part'))
    expect(readFileSync(there, 'utf8')).toBe('content')
    expect(existsSync(own)).toBe(false)
  })

  it('replaces a link that the account has put there, and writes through none', async () => {
    const store = storeOf()
    const victim = join(temporaryFolder(), 'victim')
    writeFileSync(victim, 'theirs')
    symlinkSync(victim, join(store.folder, 'parts/part'))
    const own = join(temporaryFolder(), 'mine')
    writeFileSync(own, 'content')
    await giveToBuildUser(store, own, 'part')
    expect(readFileSync(victim, 'utf8')).toBe('theirs')
    expect(readFileSync(join(store.folder, 'parts/part'), 'utf8')).toBe('content')
  })

  // Only root can give files away.
  ;(isRoot ? it : it.skip)('gives it to the account where that is another (needs root)', async () => {
    const store = storeOf({ foreign: true, uid: 12345, gid: 23456 })
    const own = join(temporaryFolder(), 'mine')
    writeFileSync(own, 'content')
    const { uid, gid } = statSync(await giveToBuildUser(store, own, 'part'))
    expect([uid, gid]).toStrictEqual([12345, 23456])
  })
})

describe('takeOver', () => {
  const make = () => ({ store: storeOf(), to: join(temporaryFolder(), 'mine') })

  it('takes a file out of the folder of the account', async () => {
    const { store, to } = make()
    writeFileSync(join(store.folder, 'parts/part'), 'content')
    await takeFromBuildUser(store, 'part', to)
    expect(readFileSync(to, 'utf8')).toBe('content')
    expect(readdirSync(join(store.folder, 'parts'))).toStrictEqual([])
  })

  it.each<[string, (path: string) => void]>([
    [
      'a link',
      (path) => {
        symlinkSync('/etc/passwd', path)
      },
    ],
    [
      'a folder',
      (path) => {
        mkdirSync(path)
      },
    ],
    ['a folder with something in it', (path) => mkdirSync(join(path, 'in'), { recursive: true })],
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ])('refuses %s, and leaves nothing of it', async (_, put) => {
    const { store, to } = make()
    put(join(store.folder, 'parts/part'))
    await expect(takeFromBuildUser(store, 'part', to)).rejects.toThrow('part is no plain file any more')
    expect(existsSync(to)).toBe(false)
  })

  it('throws where there is nothing', async () => {
    const { store, to } = make()
    await expect(takeFromBuildUser(store, 'part', to)).rejects.toThrow('ENOENT')
  })

  ;(isRoot ? it : it.skip)('makes it its own where the account is another (needs root)', async () => {
    const { to } = make()
    const store = storeOf({ foreign: true, uid: 12345, gid: 23456 })
    const path = join(store.folder, 'parts/part')
    writeFileSync(path, 'content')
    execFileSync('chown', ['12345:23456', path])
    await takeFromBuildUser(store, 'part', to)
    expect([statSync(to).uid, statSync(to).gid]).toStrictEqual([0, 0])
  })
})

describe('withStorageOfEarlier', () => {
  const enterOf = (store: ContainersStorage) => withStorageOfEarlier(store, ({ enter }) => Promise.resolve(enter))

  it('makes one namespace anew, and ends it', async () => {
    const unshare = ['unshare', '--user', '--map-root-user']
    const env = { PATH: process.env['PATH'] ?? '' }
    const store = storeOf({ enter: ['nsenter', '--target', '1'], maker: { prefix: [], unshare }, env })
    const enter = await withStorageOfEarlier(store, async (later) => {
      const [program = '', ...args] = later.enter
      const spaces = ['a', 'b'].map(() => execFileSync(program, [...args, 'readlink', '/proc/self/ns/user']).toString())
      expect(new Set(spaces).size).toBe(1)
      expect(spaces).not.toContain(readlinkSync('/proc/self/ns/user'))
      return Promise.resolve(later.enter)
    })
    const [program = '', ...args] = enter
    expect(() => execFileSync(program, [...args, 'true'], { stdio: 'pipe' })).toThrow('nsenter')
  })

  it('has each program make its own where none can be held', async () => {
    const maker = { prefix: ['setpriv', '--'], unshare: ['/nowhere/buildah', 'unshare'] }
    const store = storeOf({ enter: ['nsenter', '--target', '1'], maker })
    expect(await enterOf(store)).toStrictEqual(['setpriv', '--', '/nowhere/buildah', 'unshare'])
  })

  it('is the same where it needs no namespace', async () => {
    expect(await enterOf(storeOf({ enter: [] }))).toStrictEqual([])
    const blobs = { kind: 'blobs', layout: 'oci-layout', staysInEngine: false, folder: '/' } as const
    expect(await withStorageOfEarlier(blobs, (same) => Promise.resolve(same))).toBe(blobs)
  })
})
