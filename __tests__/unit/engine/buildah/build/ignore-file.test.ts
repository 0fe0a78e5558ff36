import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { ignorePath, writeIgnoreFile } from '../../../../../src/engine/buildah/build/ignore-file.js'
import type { WorkDir } from '../../../../../src/engine/work-dir.js'
import type { IgnoreFile } from '../../../../../src/source/ignored-files.js'
import type { Source } from '../../../../../src/source/source.js'
import { logOf, temporaryFolder } from '../../../helpers.js'

function folderOf(): WorkDir {
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  return { path: temporaryFolder(), buildUser, env: {} }
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

  it.each<[text: string, paths: string[], more: string[]]>([
    ['**\n!**/*.go', ['main.go', 'cmd/main.go', 'cmd/deep/x.go', 'docs/a.md'], ['cmd/deep']],
    ['*\n!src', ['src/a', 'other/a'], []],
    ['*\n!*/keep', ['a/keep', 'b/other', 'c/keep/d'], ['a', 'c']],
    ['a\n!a/b/c', ['a/b/c', 'a/d'], []],
    ['a\n!b', ['a/x', 'b'], []],
    // Buildah takes the beginning of a name for the name.
    ['*\n!srcs/x', ['src/a', 'srcs/x'], []],
    ['**\n!**/*.go', ['a [b]/x.go', 'c/x.go', '🙂/x.go'], ['c', '🙂']],
  ])('has lines for %j by which Buildah looks into folders', async (text, paths, more) => {
    const context = temporaryFolder()
    for (const path of paths) {
      mkdirSync(dirname(join(context, path)), { recursive: true })
      writeFileSync(join(context, path), '')
    }
    const source = { ...sourceWith({ path: '/c/.dockerignore', text }), context }
    const path = (await writeIgnoreFile(source, folderOf())) ?? ''
    const nobody = '/.rootless-image-build-nobody'
    expect(readFileSync(path, 'utf8')).toBe(
      [...text.split('\n'), ...more.map((one) => `!${one}${nobody}`), ''].join('\n'),
    )
  })

  it('has none for a name with another meaning, which is told', async () => {
    const context = temporaryFolder()
    for (const folder of ['a [b]', 'c++']) {
      mkdirSync(join(context, folder))
      writeFileSync(join(context, folder, 'x.go'), '')
    }
    const source = { ...sourceWith({ path: '/c/.dockerignore', text: '**\n!**/*.go\n' }), context }
    const log = await logOf(() => writeIgnoreFile(source, folderOf()))
    expect(log).toContain('::warning::Buildah leaves out what the ignore file re-includes (`!`) in "a [b]", "c++".')
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
