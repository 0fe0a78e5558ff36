import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { digestFile, digestTree } from '../../../src/lib/hash.js'
import { temporaryFolder } from '../helpers.js'

describe('digestFile', () => {
  it.each([0, 1, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1, 3_000_000])('of %i bytes', async (size) => {
    const content = Buffer.alloc(size, 'abc\0')
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, content)
    const sha256 = createHash('sha256').update(content).digest('hex')
    expect(await digestFile(path)).toStrictEqual({ sha256, bytes: size })
  })

  it('throws where there is no file', async () => {
    await expect(digestFile(join(temporaryFolder(), 'nowhere'))).rejects.toThrow('ENOENT')
    await expect(digestFile(temporaryFolder())).rejects.toThrow('EISDIR')
  })
})

/** A folder with a bit of everything, the same every time. */
function tree(): string {
  const root = join(temporaryFolder(), 'tree')
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/one'), '1')
  writeFileSync(join(root, 'a/b/two'), '2')
  writeFileSync(join(root, 'empty'), '')
  symlinkSync('a/one', join(root, 'link'))
  symlinkSync('/nowhere', join(root, 'broken'))
  return root
}

describe('digestTree', () => {
  it('tells names apart that aren’t UTF-8, where a link points to them', async () => {
    const digests = ['caf\xe9', 'caf\xe8'].map(async (target) => {
      const root = temporaryFolder()
      symlinkSync(Buffer.from(target, 'latin1'), join(root, 'link'))
      return await digestTree(root)
    })
    expect(new Set(await Promise.all(digests)).size).toBe(2)
  })

  it('is the same for the same, wherever it lies and however old it is', async () => {
    const [one, other] = [tree(), tree()]
    utimesSync(join(other, 'a/one'), 0, 0)
    utimesSync(join(other, 'a'), 0, 0)
    expect(await digestTree(one)).toMatch(/^[0-9a-f]{64}$/)
    expect(await digestTree(other)).toBe(await digestTree(one))
  })

  it('doesn’t tell whether two files are one', async () => {
    const [one, other] = [tree(), tree()]
    writeFileSync(join(one, 'twin'), '1')
    linkSync(join(other, 'a/one'), join(other, 'twin'))
    expect(await digestTree(other)).toBe(await digestTree(one))
  })

  it.each<[string, (root: string) => void]>([
    [
      'the content of a file',
      (root) => {
        writeFileSync(join(root, 'a/b/two'), '3')
      },
    ],
    [
      'a content that grows',
      (root) => {
        writeFileSync(join(root, 'empty'), 'x')
      },
    ],
    [
      'a name',
      (root) => {
        renameSync(join(root, 'a/one'), join(root, 'a/uno'))
      },
    ],
    [
      'a folder',
      (root) => {
        renameSync(join(root, 'a/b/two'), join(root, 'a/two'))
      },
    ],
    [
      'a file that is gone',
      (root) => {
        rmSync(join(root, 'empty'))
      },
    ],
    [
      'an empty folder more',
      (root) => {
        mkdirSync(join(root, 'a/c'))
      },
    ],
    [
      'a mode',
      (root) => {
        chmodSync(join(root, 'a/one'), 0o755)
      },
    ],
    [
      'a mode of the folder itself',
      (root) => {
        chmodSync(root, 0o700)
      },
    ],
    [
      'setuid',
      (root) => {
        chmodSync(join(root, 'a/one'), 0o4644)
      },
    ],
    [
      'where a link points to',
      (root) => {
        relink(join(root, 'link'), 'a/b/two')
      },
    ],
    [
      'a file for a link with the same text',
      (root) => {
        refile(join(root, 'broken'), '/nowhere')
      },
    ],
    [
      'a folder for a file',
      (root) => {
        refolder(join(root, 'empty'))
      },
    ],
  ])('tells %s', async (_, change) => {
    const root = tree()
    const before = await digestTree(root)
    change(root)
    expect(await digestTree(root)).not.toBe(before)
  })

  it('follows no link: what it points to may change', async () => {
    const root = tree()
    const outside = join(temporaryFolder(), 'outside')
    writeFileSync(outside, '1')
    symlinkSync(outside, join(root, 'out'))
    const before = await digestTree(root)
    writeFileSync(outside, '2')
    expect(await digestTree(root)).toBe(before)
  })

  it('tells contents apart that join to the same text', async () => {
    const digests = [
      { x: '1', y: '23' },
      { x: '12', y: '3' },
    ].map(async (files) => {
      const root = temporaryFolder()
      for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
      return await digestTree(root)
    })
    const [one, other] = await Promise.all(digests)
    expect(one).not.toBe(other)
  })

  it('tells two files apart from one that has the head of the second in it', async () => {
    const [one, other] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(one, 'a'), '1', { mode: 0o644 })
    writeFileSync(join(one, 'b'), '', { mode: 0o644 })
    writeFileSync(join(other, 'a'), `1b\u0000${(0o100644).toString()}\u0000`)
    for (const [root, names] of [
      [one, ['a', 'b']],
      [other, ['a']],
    ] as const)
      for (const name of names) chmodSync(join(root, name), 0o644)
    expect(await digestTree(one)).not.toBe(await digestTree(other))
  })

  it('is that of a file where it is one, of its content and its mode', async () => {
    const root = tree()
    const before = await digestTree(join(root, 'a/one'))
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    chmodSync(join(root, 'a/one'), 0o600)
    expect(await digestTree(join(root, 'a/one'))).not.toBe(before)
  })

  it('is undefined where there is nothing, and where a name can’t be read as a text', async () => {
    expect(await digestTree(join(temporaryFolder(), 'nowhere'))).toBeUndefined()
    const root = tree()
    writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'x')
    expect(await digestTree(root)).toBeUndefined()
  })
})

function relink(path: string, target: string): void {
  unlinkSync(path)
  symlinkSync(target, path)
}

function refile(path: string, text: string): void {
  unlinkSync(path)
  writeFileSync(path, text)
}

function refolder(path: string): void {
  unlinkSync(path)
  mkdirSync(path)
}
