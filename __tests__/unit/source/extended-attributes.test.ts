import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { findAttributed } from '../../../src/source/extended-attributes.js'
import { temporaryFolder } from '../helpers.js'

const env = { PATH: process.env['PATH'] ?? '' }
const names = ['a', '-b', 'c\nd', 'é', 'folder', 'folder/x*', 'hard', 'link', 'pipe']

function folderOf(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'folder'))
  for (const name of ['a', '-b', 'c\nd', 'é', 'folder/x*']) writeFileSync(join(folder, name), name)
  symlinkSync('nowhere', join(folder, 'link'))
  linkSync(join(folder, 'a'), join(folder, 'hard'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  return folder
}

/** By Python, which every Debian and Ubuntu that runs these tests has. */
function set(path: string, name: string, value = 'x'): void {
  const program = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode(), follow_symlinks=False)'
  execFileSync('python3', ['-c', program, path, name, value])
}

describe('the first file with extended attributes', () => {
  it('is none where no file has any', async () => {
    expect(await findAttributed(folderOf(), names, env)).toBeUndefined()
    expect(await findAttributed('/nowhere', [], env)).toBeUndefined()
  })

  it.each(['a', '-b', 'c\nd', 'é', 'folder', 'folder/x*'])('is %j', async (name) => {
    const folder = folderOf()
    set(join(folder, name), 'user.note')
    expect(await findAttributed(folder, names, env)).toBe(name)
  })

  it('is not one that was not asked for, nor one below a folder that was', async () => {
    const folder = folderOf()
    set(join(folder, 'folder/x*'), 'user.note')
    expect(await findAttributed(folder, ['a', 'folder'], env)).toBeUndefined()
  })

  it('is not known where there is no tar, or it can’t tell', async () => {
    const folder = folderOf()
    await expect(findAttributed(folder, names, { PATH: '/nowhere' })).rejects.toThrow(
      'the program tar, which lists extended attributes, is missing',
    )
    await expect(findAttributed(folder, ['gone'], env)).rejects.toThrow("can't list extended attributes")
  })
})
