import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { placesOf, readContents } from '../../../../src/cache/containers-storage/layout.js'
import { findTools, pack, putRecords, type Tools, unpack } from '../../../../src/cache/containers-storage/archive.js'
import { digestFile } from '../../../../src/lib/hash.js'
import { temporaryFolder } from '../../helpers.js'
import { forge, type ForgedEntry, grow, hex, imageOf, layerOf, listing, storeOf, writeLayer } from '../fixtures.js'

const isRoot = process.getuid?.() === 0
const store = storeOf()
const tools = (await findTools(store)) as Tools
const id = hex('layer')
const members = placesOf('overlay-root').ofLayer(id)

/**
 * Fills a layer with what a file system can hold and a careless archive loses. Node can't write all of it.
 * @param owned whether files of other owners and devices are among it, which only root can make
 */
function fill(root: string, owned: 'owned' | 'not owned'): void {
  writeLayer(root, layerOf('layer'), { 'etc/passwd': 'root:x:0:0\n', 'bin/tool': '#!/bin/sh\n' })
  const script = `
import os, sys
os.chdir(os.path.join(os.fsencode(sys.argv[1]), b'overlay', os.fsencode(sys.argv[2]), b'diff'))
def put(name, text=b'x', mode=0o644):
    with open(name, 'wb') as file: file.write(text)
    os.chmod(name, mode)
put(b'bin/setuid', b'suid', 0o4755)
put(b'bin/setgid', b'sgid', 0o2755)
put(b'unreadable', b'', 0o000)
os.mkdir(b'tmp'); os.chmod(b'tmp', 0o1777)
os.mkdir(b'closed', 0o700)
put(b'closed/in')
os.link(b'etc/passwd', b'etc/shadow')
os.link(b'bin/tool', b'a-link-before-its-file')
os.symlink(b'/etc/passwd', b'absolute')
os.symlink(b'../../../outside', b'upwards')
os.symlink(b'caf\\xe9', b'to-latin1')
put(b'caf\\xe9', b'not UTF-8')
put(b'new\\nline'); put(b'-x'); put(b' blank '); put(b'*glob?['); put(b'back\\\\slash'); put(b'quo"te')
put(b'n' * 200, b'200 bytes'); put(b'm' * 255, b'255 bytes')
deep = b'/'.join([b'd' * 100] * 6)
os.makedirs(deep); put(deep + b'/leaf')
put(b'sparse', b''); os.truncate(b'sparse', 1 << 20)
os.setxattr(b'bin/tool', b'user.note', b'\\x00bin\\xffary')
os.setxattr(b'tmp', b'user.overlay.opaque', b'y')
put(b'.wh.gone'); os.mkdir(b'empty')
os.utime(b'etc/passwd', ns=(1, 1234567890123456789))
if sys.argv[3] == 'owned':
    os.mknod(b'gone', 0o020000, os.makedev(0, 0))
    os.mknod(b'disk', 0o060660, os.makedev(8, 1))
    os.mkfifo(b'pipe')
    put(b'theirs'); os.chown(b'theirs', 1234, 2345); os.chmod(b'theirs', 0o4755)
    os.lchown(b'absolute', 100000, 65534)
    os.mkdir(b'opaque'); os.setxattr(b'opaque', b'trusted.overlay.opaque', b'y')
    os.setxattr(b'bin/tool', b'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))
`
  execFileSync('python3', ['-c', script, root, id, owned])
}

const MUCH = 2 ** 30
const made = (number = 0) => join(store.folder, 'parts', `${number}.tar.zst`)
/** Who runs the tests: only root can make other owners and devices, and take away what it may not read. */
const owned = isRoot ? 'owned' : 'not owned'

describe('what is packed', () => {
  // Without root, the file that its owner may not read can't be packed either.
  ;(isRoot ? it : it.skip)('comes back as it was (needs root)', async () => {
    const [root, other] = [temporaryFolder(), temporaryFolder()]
    fill(root, owned)
    await pack(tools, store, { folder: root, members }, made())
    await unpack(tools, store, other, { file: made(), members, maxBytes: MUCH })
    const layer = (folder: string) => listing(join(folder, 'overlay', id, 'diff'))
    const before = layer(root)
    // What the test is about is there: attributes, twins, a name that is no UTF-8.
    expect(before.join('\n')).toMatch(/trusted\.overlay\.opaque/)
    expect(before.join('\n')).toMatch(/security\.capability/)
    expect(before.join('\n')).toMatch(/caf\\xe9/)
    expect(before.filter((line) => line.includes("'0o104755'")).length).toBeGreaterThan(1)
    expect(before.filter((line) => line.includes("'0o20000'"))).toHaveLength(1)
    expect(layer(other)).toStrictEqual(before)
    expect(readFileSync(join(other, members[1] ?? ''), 'utf8')).toBe(`split of ${id}`)
  })

  ;(isRoot ? it : it.skip)('has the same digest wherever it was made (needs root)', async () => {
    const [root, copy] = [temporaryFolder(), temporaryFolder()]
    fill(root, owned)
    await pack(tools, store, { folder: root, members }, made(1))
    await unpack(tools, store, copy, { file: made(1), members, maxBytes: MUCH })
    // When they were read, and when their inodes changed, is no part of them.
    execFileSync('find', [copy, '-type', 'f', '-exec', 'touch', '-a', '{}', '+'])
    await pack(tools, store, { folder: copy, members }, made(2))
    expect((await digestFile(made(2))).sha256).toBe((await digestFile(made(1))).sha256)
  })

  it('is another where one attribute is', async () => {
    const root = temporaryFolder()
    writeLayer(root, layerOf('layer'), { file: 'x' })
    await pack(tools, store, { folder: root, members }, made(1))
    const path = join(root, 'overlay', id, 'diff/file')
    const before = lstatSync(path)
    execFileSync('python3', ['-c', 'import os, sys; os.setxattr(sys.argv[1], b"user.a", b"b")', path])
    expect(lstatSync(path).mtimeMs).toBe(before.mtimeMs)
    await pack(tools, store, { folder: root, members }, made(2))
    expect((await digestFile(made(2))).sha256).not.toBe((await digestFile(made(1))).sha256)
  })

  it('is what was asked for, and nothing else', async () => {
    const [root, other] = [temporaryFolder(), temporaryFolder()]
    grow(root, [layerOf('layer'), layerOf('second')], [imageOf('a', 'layer')])
    await pack(
      tools,
      store,
      { folder: root, members: [...members, ...placesOf('overlay-root').ofLayer(hex('second'))] },
      made(),
    )
    await unpack(tools, store, other, { file: made(), members, maxBytes: MUCH })
    expect(readdirSync(join(other, 'overlay'))).toStrictEqual([id])
    expect(readdirSync(join(other, 'overlay-layers'))).toStrictEqual([`${id}.tar-split.gz`])
    expect(existsSync(join(other, 'overlay-images'))).toBe(false)
  })

  it('fails with a reason where something of it is missing', async () => {
    const root = temporaryFolder()
    writeLayer(root, layerOf('layer'), {})
    await expect(pack(tools, store, { folder: root, members: ['overlay/nowhere/diff'] }, made())).rejects.toThrow(
      /nowhere/,
    )
    await pack(tools, store, { folder: root, members }, made())
    const wanted = placesOf('overlay-root').ofLayer(hex('second'))
    await expect(
      unpack(tools, store, temporaryFolder(), { file: made(), members: wanted, maxBytes: MUCH }),
    ).rejects.toThrow(/Not found in archive/)
  })

  it('fails where the archive is cut off or no archive', async () => {
    const root = temporaryFolder()
    writeLayer(root, layerOf('layer'), { file: 'x'.repeat(100_000) })
    await pack(tools, store, { folder: root, members }, made())
    const whole = readFileSync(made())
    writeFileSync(made(), whole.subarray(0, whole.length - 20))
    await expect(unpack(tools, store, temporaryFolder(), { file: made(), members, maxBytes: MUCH })).rejects.toThrow()
    writeFileSync(made(), '<html>503</html>')
    await expect(unpack(tools, store, temporaryFolder(), { file: made(), members, maxBytes: MUCH })).rejects.toThrow()
  })
})

it('an archive that has more in it than it may is not read to its end', async () => {
  const [root, other] = [temporaryFolder(), temporaryFolder()]
  writeLayer(root, layerOf('layer'), { a: '', file: '\0'.repeat(64 * 2 ** 20), more: '\0'.repeat(64 * 2 ** 20) })
  await pack(tools, store, { folder: root, members }, made())
  expect(lstatSync(made()).size).toBeLessThan(100_000)
  const bomb = unpack(tools, store, other, { file: made(), members, maxBytes: 2 ** 20 })
  await expect(bomb).rejects.toThrow('a part of the cache has more content than the index says')
  expect(existsSync(join(other, 'overlay', id, 'diff/more'))).toBe(false)
})

describe('an archive that somebody else has made', () => {
  const diff = `overlay/${id}/diff`
  const split = members[1] ?? ''
  const whole: readonly ForgedEntry[] = [
    [`${diff}/`, 'folder'],
    [split, 'file'],
  ]

  it.each<[string, (outside: string) => ForgedEntry[]]>([
    [
      'names that go up',
      () => [
        ['../outside/evil', 'file'],
        [`${diff}/../../../../outside/evil`, 'file'],
      ],
    ],
    ['absolute names', (outside) => [[`${outside}/evil`, 'file']]],
    [
      'an absolute link, and a file behind it',
      (outside) => [
        [`${diff}/a`, 'link', outside],
        [`${diff}/a/evil`, 'file'],
      ],
    ],
    [
      'a link that goes up, and a file behind it',
      () => [
        [`${diff}/a`, 'link', '../../../../outside'],
        [`${diff}/a/evil`, 'file'],
      ],
    ],
    [
      'two links, one behind the other',
      () => [
        [`${diff}/a`, 'link', '.'],
        [`${diff}/a/b`, 'link', '../../../../outside'],
        [`${diff}/b/evil`, 'file'],
      ],
    ],
    [
      'a link in the place of the layer',
      (outside) => [
        [diff, 'link', outside],
        [`${diff}/evil`, 'file'],
      ],
    ],
    [
      'a link in the place of the archive’s record',
      (outside) => [
        [split, 'link', `${outside}/evil`],
        [split, 'file'],
      ],
    ],
    [
      'a second name for a file outside',
      (outside) => [
        [`${diff}/a`, 'hardlink', `${outside}/mine`],
        [`${diff}/a`, 'file'],
      ],
    ],
    [
      'a second name for a file above',
      () => [
        [`${diff}/a`, 'hardlink', '../outside/mine'],
        [`${diff}/a`, 'file'],
      ],
    ],
    [
      'a link that is made a folder, and a file in it',
      (outside) => [
        [`${diff}/a`, 'link', outside],
        [`${diff}/a`, 'folder'],
        [`${diff}/a/evil`, 'file'],
      ],
    ],
  ])('writes nothing outside by %s', async (_, entries) => {
    const above = temporaryFolder()
    const [root, outside] = [join(above, 'root'), join(above, 'outside')]
    mkdirSync(root)
    mkdirSync(outside)
    writeFileSync(join(outside, 'mine'), 'mine')
    const file = join(store.folder, 'parts/forged.tar.zst')
    forge(file, [...whole, ...entries(outside)])
    // Whether tar refuses it or leaves it out is all the same.
    await unpack(tools, store, root, { file, members, maxBytes: MUCH }).catch(() => undefined)
    expect(readdirSync(above).sort()).toStrictEqual(['outside', 'root'])
    expect(readdirSync(outside)).toStrictEqual(['mine'])
    expect(readFileSync(join(outside, 'mine'), 'utf8')).toBe('mine')
    expect(lstatSync(join(outside, 'mine')).nlink).toBe(1)
  })

  it('writes a layer that it may write, so that the others could have been', async () => {
    const root = temporaryFolder()
    const file = join(store.folder, 'parts/forged.tar.zst')
    forge(file, [...whole, [`${diff}/good`, 'file'], [`overlay/${hex('other')}/diff/evil`, 'file'], ['evil', 'file']])
    await unpack(tools, store, root, { file, members, maxBytes: MUCH })
    expect(readFileSync(join(root, diff, 'good'), 'utf8')).toBe('evil')
    expect(readdirSync(root).sort()).toStrictEqual(['overlay', 'overlay-layers'])
    expect(readdirSync(join(root, 'overlay'))).toStrictEqual([id])
  })
})

describe('putRecords', () => {
  const contents = { layers: [layerOf('1'), layerOf('2', '1')], images: [imageOf('a', '2')] }
  const bare = { layers: [], images: [] }

  it('puts records and short names beside the layers that are there', async () => {
    const root = temporaryFolder()
    grow(root, contents.layers, contents.images)
    await putRecords(tools, store, { root, contents }, temporaryFolder())
    expect(await readContents(root, 'overlay-root')).toStrictEqual(contents)
    const link = readFileSync(join(root, 'overlay', hex('1'), 'link'), 'utf8')
    expect(readdirSync(join(root, 'overlay/l', link))).toStrictEqual(['etc'])
    expect(readFileSync(join(root, 'overlay', hex('2'), 'lower'), 'utf8')).toBe(`l/${link}`)
  })

  it('replaces what was there, without following it', async () => {
    const root = temporaryFolder()
    grow(root, contents.layers, contents.images)
    const victim = join(temporaryFolder(), 'victim')
    writeFileSync(victim, 'mine')
    const layer = join(root, 'overlay', hex('1'))
    symlinkSync(victim, join(layer, 'link'))
    execFileSync('ln', ['-sf', victim, join(root, 'overlay-layers/layers.json')])
    await putRecords(tools, store, { root, contents }, temporaryFolder())
    expect(readFileSync(victim, 'utf8')).toBe('mine')
    expect(lstatSync(join(layer, 'link')).isFile()).toBe(true)
    expect(lstatSync(join(root, 'overlay-layers/layers.json')).isFile()).toBe(true)
  })

  it('can be done again and again, and leaves nothing on the desk or in the folder', async () => {
    const [root, stagingDir] = [temporaryFolder(), temporaryFolder()]
    for (const some of [contents, bare, contents])
      await putRecords(tools, store, { root, contents: some, links: 'no links' }, stagingDir)
    expect(readdirSync(stagingDir)).toStrictEqual([])
    expect(existsSync(join(store.folder, 'parts/records.tar'))).toBe(false)
    expect(JSON.parse(readFileSync(join(root, 'overlay-layers/layers.json'), 'utf8'))).toHaveLength(2)
  })

  it('begins a root where there is none yet', async () => {
    const root = temporaryFolder()
    await putRecords(tools, storeOf({ layout: 'vfs-root' }), { root, contents }, temporaryFolder())
    expect(readdirSync(root).sort()).toStrictEqual(['vfs-images', 'vfs-layers'])
  })
})

describe('findTools', () => {
  it('finds GNU tar and zstd', () => {
    expect(tools.tar).toMatch(/^\/.*tar$/)
    expect(tools.compressor).toMatch(/^\/.*zstd -3 -T0$/)
    expect(tools.digester).toMatch(/^(\/.*b2sum -l 256|sha256sum)$/)
  })

  it.each([
    ['tar', []],
    ['zstd', ['tar']],
  ])('says that %s is missing', async (name, there) => {
    const folder = temporaryFolder()
    for (const program of there) symlinkSync(`/usr/bin/${program}`, join(folder, program))
    const answer = await findTools(storeOf({ env: { PATH: folder } }))
    expect(answer).toBe(`the program ${name} is missing`)
  })

  it('says that another tar won’t do', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'tar'), '#!/bin/sh\necho bsdtar 3.6.2\n', { mode: 0o755 })
    symlinkSync('/usr/bin/zstd', join(folder, 'zstd'))
    expect(await findTools(storeOf({ env: { PATH: folder } }))).toMatch(/isn't GNU tar/)
  })
})
