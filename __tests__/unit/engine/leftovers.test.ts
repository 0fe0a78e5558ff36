import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, lchownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { isForsaken, keepForRunner, keepForSelf } from '../../../src/engine/keeper.js'
import { removeLeftovers } from '../../../src/engine/leftovers.js'
import { contextOf, logOf, temporaryFolder } from '../helpers.js'

const isRoot = process.getuid?.() === 0
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const noteIn = (folder: string) => join(folder, 'keeper.json')

/** Writes the note of a process that has ended into a folder. */
async function forsake(folder: string): Promise<void> {
  const child = spawn('sleep', ['1000'])
  children.push(child)
  await keepForSelf(folder)
  const note = JSON.parse(readFileSync(noteIn(folder), 'utf8')) as object
  writeFileSync(noteIn(folder), JSON.stringify({ ...note, pid: child.pid, started: '1' }))
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const change = (folder: string, more: object) => {
  const note = JSON.parse(readFileSync(noteIn(folder), 'utf8')) as object
  writeFileSync(noteIn(folder), JSON.stringify({ ...note, ...more }))
}

describe('isForsaken', () => {
  it('not, as long as the process runs that needs the folder', async () => {
    const folder = temporaryFolder()
    await keepForSelf(folder)
    expect(await isForsaken(folder)).toBe(false)
    await keepForRunner(folder)
    expect(await isForsaken(folder)).toBe(false)
  })

  it('when it has ended, also where its number is another’s by now', async () => {
    const folder = temporaryFolder()
    await forsake(folder)
    expect(await isForsaken(folder)).toBe(true)
    await keepForSelf(folder)
    change(folder, { started: '1' })
    expect(await isForsaken(folder)).toBe(true)
  })

  it('when the machine was started anew', async () => {
    const folder = temporaryFolder()
    await keepForSelf(folder)
    change(folder, { boot: 'earlier' })
    expect(await isForsaken(folder)).toBe(true)
  })

  it.each([
    ['a process of another container', { space: 'pid:[1]', pid: 54_321 }],
    ['what started a container', { pid: 0 }],
    ['init', { pid: 1, started: '7' }],
  ])('not for %s: whether that runs can’t be told', async (_, more) => {
    const folder = temporaryFolder()
    await forsake(folder)
    change(folder, more)
    expect(await isForsaken(folder)).toBe(false)
  })

  it.each(['', '{}', 'no JSON', '[1]', '{"pid": 5}'])('not by the note %j', async (text) => {
    const folder = temporaryFolder()
    expect(await isForsaken(folder)).toBe(false)
    writeFileSync(noteIn(folder), text)
    expect(await isForsaken(folder)).toBe(false)
  })
})

describe('removeLeftovers', () => {
  const folderIn = (temp: string, name: string) => {
    const folder = join(temp, name)
    mkdirSync(folder)
    return folder
  }
  const remove = (temp: string, own: string) => logOf(() => removeLeftovers({ path: own }, [], contextOf({ temp })))

  it('removes what a killed step left, folders included that nobody may write to, and nothing else', async () => {
    const temp = temporaryFolder()
    const own = folderIn(temp, 'rootless-image-build-own')
    const [left, stagingDir, busy, other] = [
      folderIn(temp, 'rootless-image-build-left'),
      folderIn(temp, 'rootless-image-build-cache-left'),
      folderIn(temp, 'rootless-image-build-busy'),
      folderIn(temp, 'somebody-else'),
    ]
    const closed = folderIn(folderIn(left, 'root'), 'diff')
    writeFileSync(join(closed, 'file'), '')
    chmodSync(closed, 0o555)
    for (const folder of [own, left, stagingDir, other]) await forsake(folder)
    await keepForSelf(busy)
    const log = await remove(temp, own)
    expect(log).toContain(`Removed ${left}, left by a step that was killed\n`)
    expect(log).toContain(`Removed ${stagingDir}, left by a step that was killed\n`)
    expect([own, left, stagingDir, busy, other].map((path) => existsSync(path))).toStrictEqual([
      true,
      false,
      false,
      true,
      true,
    ])
  })

  // Only root can give files to somebody else.
  const itAsRoot = isRoot ? it : it.skip
  itAsRoot('leaves folders of others', async () => {
    const temp = temporaryFolder()
    const own = folderIn(temp, 'rootless-image-build-own')
    const theirs = folderIn(temp, 'rootless-image-build-theirs')
    await forsake(theirs)
    lchownSync(theirs, 54_321, 54_321)
    expect(await remove(temp, own)).toBe('')
    expect(existsSync(theirs)).toBe(true)
  })

  it('ends what still runs there', async () => {
    const temp = temporaryFolder()
    const own = folderIn(temp, 'rootless-image-build-own')
    const left = folderIn(temp, 'rootless-image-build-left')
    await forsake(left)
    const env = { PATH: process.env['PATH'], CONTAINERS_STORAGE_CONF: join(left, 'storage.conf') }
    const child = spawn('sleep', ['1000'], { env, detached: true })
    children.push(child)
    await once(child, 'spawn')
    const [log] = await Promise.all([remove(temp, own), once(child, 'exit')])
    expect(log).toContain('Removed')
  })
})
