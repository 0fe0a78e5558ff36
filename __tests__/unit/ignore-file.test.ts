import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { ignorePath, writeIgnoreFile } from '../../src/engine/ignore-file.js'
import type { Folder } from '../../src/engine/storage.js'
import type { IgnoreFile } from '../../src/ignored.js'
import type { Source } from '../../src/source.js'
import { temporaryFolder } from './helpers.js'

function folderOf(): Folder {
  const account = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  return { path: temporaryFolder(), account, env: {} }
}

function sourceWith(ignoreFile?: IgnoreFile): Source {
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile: parseDockerfile('FROM a'), target: undefined }
  return { ...source, ...(ignoreFile !== undefined && { ignoreFile }) }
}

describe('the ignore file that Buildah is handed', () => {
  it('is a private copy in one form', async () => {
    const folder = folderOf()
    const source = sourceWith({ path: '/c/Dockerfile.dockerignore', text: '\uFEFF# x\r\n  /a/ \r\n! /b\r\n' })
    const path = join(folder.path, 'ignore')
    expect(ignorePath(source, folder)).toBe(path)
    expect(await writeIgnoreFile(source, folder)).toBe(path)
    expect(readFileSync(path, 'utf8')).toBe('a\n!b\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is the file itself where this process can’t read it', async () => {
    const source = sourceWith({ path: '/c/.dockerignore', text: undefined })
    expect(ignorePath(source, folderOf())).toBe('/c/.dockerignore')
    expect(await writeIgnoreFile(source, folderOf())).toBe('/c/.dockerignore')
  })

  it('is none where there is none', async () => {
    expect(ignorePath(sourceWith(), folderOf())).toBeUndefined()
    expect(await writeIgnoreFile(sourceWith(), folderOf())).toBeUndefined()
  })
})
