import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { BuildUser } from '../../../src/engine/build-user.js'
import { removeFolder } from '../../../src/engine/remove-folder.js'
import {
  type WorkDir,
  makeWorkDir,
  makeWorkDirBelow,
  privateRoot,
  removeSecrets,
  storageArgs,
  storageConf,
  takeFile,
  writePrivate,
} from '../../../src/engine/work-dir.js'
import { contextOf, temporaryFolder } from '../helpers.js'

const isRoot = process.getuid?.() === 0
const me: BuildUser = {
  name: 'me',
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  home: '/home/me',
  prefix: [],
  reason: '',
}

/** A state with nothing special in it. */
const plain = { unshare: [], keepStorage: false, stagingDir: undefined, later: undefined }

describe('storageArgs', () => {
  const roots = ['--root', '/elsewhere/root', '--runroot', '/t/run']

  it.each([
    ['overlay', undefined, ['--storage-driver', 'overlay']],
    ['vfs', undefined, ['--storage-driver', 'vfs']],
    [
      'fuse-overlayfs',
      '/opt/bin/fuse-overlayfs',
      ['--storage-driver', 'overlay', '--storage-opt', 'overlay.mount_program=/opt/bin/fuse-overlayfs'],
    ],
    [
      'fuse-overlayfs',
      undefined,
      ['--storage-driver', 'overlay', '--storage-opt', 'overlay.mount_program=fuse-overlayfs'],
    ],
  ] as const)('%s, program %s', (driver, program, expected) => {
    expect(storageArgs('/t', '/elsewhere/root', driver, program)).toStrictEqual([...roots, ...expected])
  })
})

describe('storageConf', () => {
  it.each([
    [
      'overlay',
      undefined,
      '[storage]\ndriver = "overlay"\ngraphroot = "/elsewhere/root"\nrootless_storage_path = "/elsewhere/root"\nrunroot = "/t/run"\n',
    ],
    [
      'vfs',
      undefined,
      '[storage]\ndriver = "vfs"\ngraphroot = "/elsewhere/root"\nrootless_storage_path = "/elsewhere/root"\nrunroot = "/t/run"\n',
    ],
    [
      'fuse-overlayfs',
      '/usr/bin/fuse-overlayfs',
      '[storage]\ndriver = "overlay"\ngraphroot = "/elsewhere/root"\nrootless_storage_path = "/elsewhere/root"\nrunroot = "/t/run"\n[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n',
    ],
  ] as const)('%s', (driver, program, expected) => {
    expect(storageConf('/t', '/elsewhere/root', driver, program)).toBe(expected)
  })

  it('quotes a path as TOML does', () => {
    const text = storageConf('/my "t"\\x\ny', '/my "r"')
    expect(text).toContain(
      'graphroot = "/my \\"r\\""\nrootless_storage_path = "/my \\"r\\""\nrunroot = "/my \\"t\\"\\\\x\\ny/run"\n',
    )
  })
})

describe('makeFolder', () => {
  const below = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true, recursive: true }).map((one) => join(one.parentPath, one.name))

  const seen = (path: string): string => {
    const { uid, gid, mode } = statSync(path)
    return `${path} ${uid} ${gid} ${(mode & 0o777).toString(8)}`
  }

  it.each([0o000, 0o027, 0o077])(
    'makes a private folder in RUNNER_TEMP, 0700 and 0600, under umask %i',
    async (mask) => {
      const temp = temporaryFolder()
      const before = process.umask(mask)
      const folder = await makeWorkDir(me, contextOf({ temp })).finally(() => process.umask(before))
      expect(dirname(folder.path)).toBe(temp)
      const made = [folder.path, ...below(folder.path)]
      const modes = made.map((path) => [path, (statSync(path).mode & 0o777).toString(8)])
      expect(modes).toStrictEqual(made.map((path) => [path, statSync(path).isDirectory() ? '700' : '600']))
      const files = made.filter((path) => statSync(path).isFile()).sort()
      expect(files).toStrictEqual(['keeper.json', 'storage.conf'].map((name) => join(folder.path, name)))
      expect(readFileSync(join(folder.path, 'storage.conf'), 'utf8')).toBe(
        storageConf(folder.path, privateRoot(folder.path)),
      )
    },
  )

  it('gives each step a folder of its own', async () => {
    const context = contextOf({ temp: temporaryFolder() })
    expect((await makeWorkDir(me, context)).path).not.toBe((await makeWorkDir(me, context)).path)
  })

  it('keeps in the folder what Buildah would keep in the user’s home', async () => {
    const env = {
      PATH: '/usr/bin',
      HOME: '/home/me',
      XDG_RUNTIME_DIR: '/run/user/1',
      XDG_DATA_HOME: '/data',
      TMPDIR: '/var/tmp',
      STORAGE_DRIVER: 'vfs',
      STORAGE_OPTS: 'x',
      BUILDAH_ISOLATION: 'oci',
      BUILDAH_LAYERS: 'false',
      CONTAINERS_STORAGE_CONF: '/mine.conf',
    }
    const { path, env: own } = await makeWorkDir(me, contextOf({ temp: temporaryFolder(), env }))
    expect(own).toStrictEqual({
      PATH: '/usr/bin',
      HOME: '/home/me',
      CONTAINERS_STORAGE_CONF: join(path, 'storage.conf'),
      TMPDIR: join(path, 'tmp'),
      XDG_RUNTIME_DIR: join(path, 'user'),
      XDG_DATA_HOME: join(path, 'data'),
      XDG_CACHE_HOME: join(path, 'cache'),
    })
    for (const name of ['tmp', 'user', 'data', 'cache', 'root', 'run', 'secrets', 'out', 'context', 'parts', 'auth']) {
      expect(statSync(join(path, name)).isDirectory()).toBe(true)
    }
  })

  it('goes to /var/tmp where the account may not enter RUNNER_TEMP', async () => {
    const temp = join(temporaryFolder(), 'closed')
    mkdirSync(temp, { mode: 0o700 })
    const other = { ...me, uid: me.uid + 1234, gid: me.gid + 1234 }
    const folder = await makeWorkDir(other, contextOf({ temp }))
    expect(dirname(folder.path)).toBe('/var/tmp')
    await removeFolder({ ...plain, folder: folder.path }, {})
    expect(existsSync(folder.path)).toBe(false)
  })

  it.each(['a,b', 'a:b', 'a\\b', 'a"b', 'a\nb'])(
    'goes to /var/tmp where RUNNER_TEMP is %j, which parts options',
    async (name) => {
      const temp = join(temporaryFolder(), name)
      mkdirSync(temp)
      const folder = await makeWorkDir(me, contextOf({ temp }))
      expect(dirname(folder.path)).toBe('/var/tmp')
      await removeFolder({ ...plain, folder: folder.path }, {})
    },
  )

  // Only root can give files away.
  ;(isRoot ? it : it.skip)('belongs to the account where that is another (needs root)', async () => {
    const temp = temporaryFolder()
    chmodSync(temp, 0o755)
    const other = { ...me, uid: 12345, gid: 23456, prefix: ['setpriv', '--'] }
    const folder = await makeWorkDir(other, contextOf({ temp }))
    const secret = await writePrivate(folder, 'secrets/0', 'x')
    const ofRoot = ['', 'secrets', 'trial', 'platforms'].map((name) => join(folder.path, name))
    for (const path of ofRoot) expect(seen(path)).toBe(`${path} 0 23456 710`)
    const hidden = join(folder.path, 'taken')
    expect(seen(hidden)).toBe(`${hidden} 0 0 700`)
    const keeper = join(folder.path, 'keeper.json')
    expect(seen(keeper)).toBe(`${keeper} 0 0 600`)
    const others = below(folder.path).filter((path) => ![...ofRoot, hidden, keeper].includes(path))
    expect(others.map(seen)).toStrictEqual(
      others.map((path) => `${path} 12345 23456 ${statSync(path).isDirectory() ? '700' : '600'}`),
    )
    expect(others).toContain(secret)
  })
})

describe('writePrivate', () => {
  const make = async (): Promise<WorkDir> => await makeWorkDir(me, contextOf({ temp: temporaryFolder() }))

  it('writes bytes as they are and replaces what was there', async () => {
    const folder = await make()
    const bytes = Buffer.from([0, 255, 10, 13])
    writeFileSync(join(folder.path, 'secrets/0'), 'older and longer', { mode: 0o644 })
    const path = await writePrivate(folder, 'secrets/0', bytes)
    expect(path).toBe(join(folder.path, 'secrets/0'))
    expect(readFileSync(path)).toStrictEqual(bytes)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('never writes through a link that lies in its place', async () => {
    const folder = await make()
    const victim = join(temporaryFolder(), 'victim')
    writeFileSync(victim, 'mine')
    symlinkSync(victim, join(folder.path, 'auth/auth.json'))
    await writePrivate(folder, 'auth/auth.json', 'secret')
    expect(readFileSync(victim, 'utf8')).toBe('mine')
    expect(readFileSync(join(folder.path, 'auth/auth.json'), 'utf8')).toBe('secret')
  })
})

describe('takeFile', () => {
  const make = async (): Promise<WorkDir> => await makeWorkDir(me, contextOf({ temp: temporaryFolder() }))

  it('moves what the build has written', async () => {
    const folder = await make()
    writeFileSync(join(folder.path, 'out/0.digest'), 'sha256:0')
    const taken = await takeFile(folder, '0.digest')
    expect(dirname(taken)).toBe(join(folder.path, 'taken'))
    expect(readFileSync(taken, 'utf8')).toBe('sha256:0')
    expect(readdirSync(join(folder.path, 'out'))).toStrictEqual([])
  })

  it.each([
    ['a link', symlinkSync],
    ['another name of a file', linkSync],
  ])('takes no %s', async (_, put) => {
    const folder = await make()
    const victim = join(dirname(folder.path), 'victim')
    writeFileSync(victim, 'mine')
    put(victim, join(folder.path, 'out/0.digest'))
    await expect(takeFile(folder, '0.digest')).rejects.toThrow(
      '0.digest is no plain file any more; it is not taken from the folder of the build',
    )
    expect(existsSync(join(folder.path, 'taken/0.digest'))).toBe(false)
    expect(readFileSync(victim, 'utf8')).toBe('mine')
  })
})

describe('removeSecrets', () => {
  it('removes secrets and logins, keeps the image, and may be called again', async () => {
    const folder = await makeWorkDir(me, contextOf({ temp: temporaryFolder() }))
    await writePrivate(folder, 'secrets/0', 'hunter2')
    await writePrivate(folder, 'auth/auth.json', '{}')
    await writePrivate(folder, 'root/layer', 'x')
    await removeSecrets(folder.path)
    await removeSecrets(folder.path)
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false)
    expect(existsSync(join(folder.path, 'auth/auth.json'))).toBe(false)
    expect(existsSync(join(folder.path, 'root/layer'))).toBe(true)
  })

  it('removes those of all platforms, too', async () => {
    const folder = await makeWorkDirBelow(
      await makeWorkDir(me, contextOf({ temp: temporaryFolder() })),
      'linux_arm64',
      {},
    )
    await writePrivate(folder, 'secrets/0', 'hunter2')
    await writePrivate(folder, 'auth/auth.json', '{}')
    await removeSecrets(dirname(dirname(folder.path)))
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false)
    expect(existsSync(join(folder.path, 'auth/auth.json'))).toBe(false)
  })
})

describe('removeFolder', () => {
  const filled = async (): Promise<WorkDir> => {
    const folder = await makeWorkDir(me, contextOf({ temp: temporaryFolder() }))
    await writePrivate(folder, 'root/layer', 'x')
    await writePrivate(folder, 'auth/auth.json', '{}')
    await writePrivate(folder, 'secrets/0', 'hunter2')
    return folder
  }
  const env = { PATH: process.env['PATH'] ?? '' }

  it('removes everything, and what a link points to stays', async () => {
    const folder = await filled()
    const outside = join(temporaryFolder(), 'outside')
    writeFileSync(outside, 'mine')
    symlinkSync(dirname(outside), join(folder.path, 'root/link'))
    await removeFolder({ ...plain, folder: folder.path }, env)
    expect(readdirSync(dirname(folder.path))).toStrictEqual([])
    expect(readFileSync(outside, 'utf8')).toBe('mine')
  })

  it('removes what lies in a folder that nobody may write to', async () => {
    const folder = await filled()
    mkdirSync(join(folder.path, 'root/diff/etc'), { recursive: true })
    writeFileSync(join(folder.path, 'root/diff/etc/passwd'), '')
    for (const name of ['root/diff/etc', 'root/diff']) chmodSync(join(folder.path, name), 0o555)
    await removeFolder({ ...plain, folder: folder.path }, env)
    expect(existsSync(folder.path)).toBe(false)
  })

  it('leaves the storage to the machine that is thrown away with it, and no secret', async () => {
    const folder = await filled()
    await removeFolder({ ...plain, folder: folder.path, unshare: ['/bin/false'], keepStorage: true }, env)
    expect(existsSync(join(folder.path, 'root/layer'))).toBe(true)
    expect(existsSync(join(folder.path, 'auth/auth.json'))).toBe(false)
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false)
  })

  it('makes a user namespace only where there is a storage', async () => {
    const used = join(temporaryFolder(), 'used')
    const program = join(dirname(used), 'unshare')
    writeFileSync(program, `#!/bin/sh\necho >>${used}\nexec "$@"\n`, { mode: 0o755 })
    const remove = async (folder: WorkDir) => {
      await removeFolder({ ...plain, folder: folder.path, unshare: [program] }, env)
      expect(existsSync(folder.path)).toBe(false)
      return existsSync(used)
    }
    const empty = await makeWorkDir(me, contextOf({ temp: temporaryFolder() }))
    await writePrivate(empty, 'auth/auth.json', '{}')
    expect(await remove(empty)).toBe(false)
    expect(await remove(await filled())).toBe(true)
  })

  it.each([
    ['without a program', []],
    ['with a program', ['/usr/bin/env']],
  ])('says nothing where nothing is left, %s', async (_, unshare) => {
    const folder = await filled()
    await removeFolder({ ...plain, folder: folder.path }, env)
    await expect(removeFolder({ ...plain, folder: folder.path, unshare }, env)).resolves.toBeUndefined()
  })

  it('has all that is in it removed by the program that can, in the folder’s own environment', async () => {
    const folder = await filled()
    const log = join(temporaryFolder(), 'log')
    const program = join(temporaryFolder(), 'my buildah')
    writeFileSync(
      program,
      `#!/bin/sh\nprintf '%s\\n' "$CONTAINERS_STORAGE_CONF" "$PWD" "$@" >'${log}'\nshift\nexec "$@"\n`,
    )
    chmodSync(program, 0o755)
    // What removeSecrets has removed before is no longer there.
    const left = readdirSync(folder.path).filter((name) => name !== 'secrets')
    await removeFolder({ ...plain, folder: folder.path, unshare: [program, 'unshare'], keepStorage: false }, env)
    const [conf, cwd, ...argv] = readFileSync(log, 'utf8').trimEnd().split('\n')
    expect([conf, cwd]).toStrictEqual([join(folder.path, 'storage.conf'), '/'])
    expect(argv.slice(0, 4)).toStrictEqual(['unshare', 'rm', '-rf', '--'])
    expect(argv.slice(4).sort()).toStrictEqual(left.map((name) => join(folder.path, name)).sort())
    expect(existsSync(folder.path)).toBe(false)
  })

  it.each([
    ['fails', '/bin/false'],
    ['is gone', '/nonexistent/bin/buildah'],
  ])('removes what it can where that program %s', async (_, program) => {
    const folder = await filled()
    await removeFolder({ ...plain, folder: folder.path, unshare: [program, 'unshare'], keepStorage: false }, env)
    expect(existsSync(folder.path)).toBe(false)
  })
})
