import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { buildRecordPath } from '../../../src/cache/key.js'
import { type BuildRecordStore, directoryRecords, NO_RECORDS } from '../../../src/cache/build-records.js'
import { temporaryFolder } from '../helpers.js'

const isRoot = process.getuid?.() === 0

interface Given {
  readonly scope?: string
  readonly refs?: readonly string[]
  readonly read?: boolean
  readonly write?: boolean
}

const scope = '0123456789abcdef'
const noteIn = (directory: string, given: Given = {}): BuildRecordStore =>
  directoryRecords({
    ...{ directory, scope, stagingDir: '/nowhere', refs: ['refs/heads/main'], read: true, write: true, mounts: false },
    ...given,
    limits: { now: 0, ttlMs: 1, maxBytes: 1, perKey: 1 },
  })
const nameOf = (of = scope) => `${of}-${buildRecordPath('refs/heads/main')}`

describe('the note in a folder', () => {
  it('is what was left last', async () => {
    const directory = temporaryFolder()
    expect(await noteIn(directory).read()).toBeUndefined()
    for (const text of ['one', 'größe 👍\n\0', '']) {
      expect(await noteIn(directory).write(text)).toBe(true)
      expect(await noteIn(directory).read()).toBe(text)
    }
    expect(readdirSync(directory)).toStrictEqual([nameOf()])
  })

  it('is there for no other user, in a folder that is made for it', async () => {
    const directory = join(temporaryFolder(), 'a/b')
    expect(await noteIn(directory).write('x')).toBe(true)
    expect(statSync(join(directory, nameOf())).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o066).toBe(0)
  })

  it('is another one for another scope', async () => {
    const directory = temporaryFolder()
    await noteIn(directory).write('one')
    const other = noteIn(directory, { scope: 'fedcba9876543210' })
    expect(await other.read()).toBeUndefined()
    await other.write('two')
    expect(await noteIn(directory).read()).toBe('one')
    expect(await other.read()).toBe('two')
  })

  it('is not read by who may not, nor left', async () => {
    const directory = temporaryFolder()
    await noteIn(directory).write('one')
    const [blind, mute] = [noteIn(directory, { read: false }), noteIn(directory, { write: false })]
    expect(await blind.read()).toBeUndefined()
    expect(await mute.read()).toBe('one')
    expect(await mute.write('two')).toBe(false)
    expect(await mute.read()).toBe('one')
    expect(await blind.write('two')).toBe(true)
    const empty = join(temporaryFolder(), 'none')
    await noteIn(empty, { write: false }).write('x')
    expect(existsSync(empty)).toBe(false)
  })

  it('takes the place of a link, and leaves what it points to', async () => {
    const directory = temporaryFolder()
    const target = join(temporaryFolder(), 'target')
    writeFileSync(target, 'mine')
    symlinkSync(target, join(directory, nameOf()))
    expect(await noteIn(directory).write('x')).toBe(true)
    expect(readFileSync(target, 'utf8')).toBe('mine')
    expect(lstatSync(join(directory, nameOf())).isFile()).toBe(true)
    expect(await noteIn(directory).read()).toBe('x')
  })

  it('is read up to a MiB', async () => {
    const directory = temporaryFolder()
    // With the digest behind it.
    const most = 'x'.repeat(2 ** 20 - 66)
    expect(await noteIn(directory).write(most)).toBe(true)
    expect(await noteIn(directory).read()).toBe(most)
    await noteIn(directory).write(`${most}x`)
    expect(await noteIn(directory).read()).toBeUndefined()
    // The next one is there again.
    expect(await noteIn(directory).write('x')).toBe(true)
    expect(await noteIn(directory).read()).toBe('x')
  })

  it('is none where a bit of it is another', async () => {
    const directory = temporaryFolder()
    const file = join(directory, nameOf())
    await noteIn(directory).write('text')
    const whole = readFileSync(file)
    for (let bit = 0; bit < 8 * whole.length; bit += 1) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(file, flipped)
      expect(await noteIn(directory).read()).toBeUndefined()
    }
  })

  it('is the own one of a branch, else that of the base, else that of the default branch', async () => {
    const directory = temporaryFolder()
    const [main, base, pull] = ['refs/heads/main', 'refs/heads/next', 'refs/pull/7/merge']
    const [ofMain, ofPull] = [noteIn(directory, { refs: [main] }), noteIn(directory, { refs: [pull, base, main] })]
    await ofMain.write('main')
    expect(await ofPull.read()).toBe('main')
    await noteIn(directory, { refs: [base, main] }).write('base')
    expect(await ofPull.read()).toBe('base')
    await ofPull.write('pull')
    expect(await ofPull.read()).toBe('pull')
    expect(await ofMain.read()).toBe('main')
    expect(await noteIn(directory, { refs: ['refs/pull/8/merge', main] }).read()).toBe('main')
  })

  it.each<[what: string, put: (file: string) => void]>([
    [
      'a folder',
      (file) => {
        mkdirSync(file)
      },
    ],
    [
      'a link that leads nowhere',
      (file) => {
        symlinkSync('/nowhere/x', file)
      },
    ],
    [
      'a link to itself',
      (file) => {
        symlinkSync(file, file)
      },
    ],
    [
      'a device without an end',
      (file) => {
        symlinkSync('/dev/zero', file)
      },
    ],
    [
      'a pipe into which nobody writes',
      (file) => {
        execFileSync('mkfifo', [file])
      },
    ],
  ])('is none where there is %s', async (_, put) => {
    const directory = temporaryFolder()
    put(join(directory, nameOf()))
    expect(await noteIn(directory).read()).toBeUndefined()
  })

  it('is not taken where a folder is in its place, and leaves nothing else there', async () => {
    const directory = temporaryFolder()
    mkdirSync(join(directory, nameOf()))
    writeFileSync(join(directory, nameOf(), 'x'), '')
    expect(await noteIn(directory).write('x')).toBe(false)
    expect(readdirSync(directory)).toStrictEqual([nameOf()])
  })

  it('is not taken where its folder is a file', async () => {
    const directory = join(temporaryFolder(), 'file')
    writeFileSync(directory, 'mine')
    expect(await noteIn(directory).write('x')).toBe(false)
    expect(await noteIn(directory).read()).toBeUndefined()
    expect(await noteIn(join(directory, 'below')).write('x')).toBe(false)
    expect(readFileSync(directory, 'utf8')).toBe('mine')
  })
  ;(isRoot ? it.skip : it)('is not taken in a folder that can’t be written (needs to be no root)', async () => {
    const directory = temporaryFolder()
    await noteIn(directory).write('one')
    chmodSync(directory, 0o500)
    expect(await noteIn(directory).write('two')).toBe(false)
    expect(await noteIn(directory).read()).toBe('one')
    chmodSync(directory, 0o700)
  })

  it('of many who leave one at a time is that of one of them, whole', async () => {
    const directory = temporaryFolder()
    const texts = Array.from({ length: 20 }, (_, number) => String(number).repeat(50_000))
    const seen: (string | undefined)[] = []
    const taken = await Promise.all(
      texts.map(async (text) => {
        const isTaken = await noteIn(directory).write(text)
        seen.push(await noteIn(directory).read())
        return isTaken
      }),
    )
    expect(taken).toStrictEqual(texts.map(() => true))
    expect(seen.filter((text) => text === undefined || !texts.includes(text))).toStrictEqual([])
    expect(readdirSync(directory)).toStrictEqual([nameOf()])
  })
})

describe('no note', () => {
  it('is none, and takes none', async () => {
    expect(await NO_RECORDS.read()).toBeUndefined()
    expect(await NO_RECORDS.write('x')).toBe(false)
    expect(await NO_RECORDS.read()).toBeUndefined()
  })
})
