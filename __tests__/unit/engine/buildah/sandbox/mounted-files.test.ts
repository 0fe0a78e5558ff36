import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { copyMountedFiles } from '../../../../../src/engine/buildah/sandbox/mounted-files.js'
import type { User } from '../../../../../src/engine/build-user.js'
import type { WorkDir } from '../../../../../src/engine/work-dir.js'
import { inputsOf, temporaryFolder } from '../../../helpers.js'

/** A context with files of each kind, of which one is executable and of another time. */
function contextFolder(): string {
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'outside'), '')
  const context = join(outside, 'context')
  mkdirSync(context)
  writeFileSync(join(context, 'list.json'), '{}')
  chmodSync(join(context, 'list.json'), 0o750)
  utimesSync(join(context, 'list.json'), 1000, 1000)
  mkdirSync(join(context, 'folder'))
  writeFileSync(join(context, 'folder/file'), 'in a folder')
  symlinkSync('list.json', join(context, 'link'))
  symlinkSync('folder', join(context, 'way'))
  symlinkSync('../outside', join(context, 'out'))
  writeFileSync(join(context, 'twice'), '')
  linkSync(join(context, 'twice'), join(context, 'again'))
  return context
}

async function copiesFor(mounts: string, version = '1.43.2', owner: Partial<User> = {}) {
  const context = contextFolder()
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const buildUser = { name: 'me', ...own, ...owner, home: '/home/me', prefix: [], reason: '' }
  const workDir: WorkDir = { path: temporaryFolder(), buildUser, env: { PATH: process.env['PATH'] ?? '' } }
  const dockerfile = parseDockerfile(`FROM x AS y\nARG LIST\nARG FILE=file\nRUN ${mounts} make\n`)
  const source = { context, file: join(context, 'Dockerfile'), dockerfile, target: undefined }
  const shown = await copyMountedFiles({ inputs: inputsOf({}), source }, workDir, version)
  return { shown, context, workDir }
}

describe('files that are mounted one by one', () => {
  it('are seen at their paths as writable copies in the work directory, with mode and time', async () => {
    const mounts = '--mount=type=bind,source=list.json,target=/a --mount=source=folder/file,target=/b'
    const { shown, context, workDir } = await copiesFor(mounts)
    expect(shown.map(({ path, writable }) => [path, writable])).toStrictEqual([
      [join(context, 'list.json'), true],
      [join(context, 'folder/file'), true],
    ])
    const [list = '', file = ''] = shown.map(({ from }) => from)
    expect([list, file].every((path) => path.startsWith(`${workDir.path}/`))).toBe(true)
    expect(readFileSync(file, 'utf8')).toBe('in a folder')
    expect([statSync(list).mode & 0o777, statSync(list).mtimeMs]).toStrictEqual([0o750, 1_000_000])
  })

  it.each([
    ['a folder', '--mount=source=folder,target=/a'],
    ['all of the context', '--mount=target=/a'],
    ['a link out of the context', '--mount=source=out,target=/a'],
    ['a file of a stage', '--mount=from=y,source=list.json,target=/a'],
    ['a cache', '--mount=type=cache,source=list.json,target=/a'],
    ['a path that only Buildah can read', '--mount=source=$LIST,target=/a'],
    ['a path that leads out of the context', '--mount=source=../outside,target=/a'],
    ['nothing', '--mount=source=nowhere,target=/a'],
  ])('are none where that is %s', async (_, mount) => {
    expect((await copiesFor(mount)).shown).toStrictEqual([])
  })

  it.each([
    ['a link leads to them', 'link', 'list.json'],
    ['a link is on the way', 'way/file', 'folder/file'],
    ['a variable names them', 'folder/$FILE', 'folder/file'],
  ])('are seen where they are, also if %s', async (_, source, file) => {
    const { shown, context } = await copiesFor(`--mount=source=${source},target=/a`)
    expect(shown.map(({ path, writable }) => [path, writable])).toStrictEqual([[join(context, file), true]])
  })

  describe('that have several names, so that a copy of one would not be the others', () => {
    const mounts = '--mount=source=twice,target=/a --mount=source=list.json,target=/b'

    it('are in a copy of all of it, in which they have them', async () => {
      const { shown, context } = await copiesFor(mounts)
      expect(shown).toStrictEqual([{ path: context, from: expect.any(String), writable: true }])
      const [{ from = '' } = {}] = shown
      const [one, other] = ['twice', 'again'].map((name) => statSync(join(from, name)))
      expect([one?.nlink, one?.ino]).toStrictEqual([2, other?.ino])
    })

    it.each([
      ['lays an overlay on the context', '1.45.0'],
      ['only reads them', '1.38.0'],
    ])('stay where they are with a Buildah that %s', async (_, version) => {
      const { shown, context } = await copiesFor(mounts, version)
      expect(shown.map(({ path }) => path)).toStrictEqual([join(context, 'list.json')])
    })
  })

  describe('of somebody else, with Buildah 1.45, which lays an overlay on the context', () => {
    const other = { gid: 4711 }
    const mount = '--mount=source=folder/file,target=/b'

    // Only root gives a file to another group.
    const itAsRoot = process.getuid?.() === 0 ? it : it.skip
    itAsRoot('are in a copy of all of it, which is the account’s', async () => {
      const { shown, context } = await copiesFor(mount, '1.45.0', other)
      expect(shown).toStrictEqual([{ path: context, from: expect.any(String), writable: false }])
      const [{ from = '' } = {}] = shown
      expect(readFileSync(join(from, 'folder/file'), 'utf8')).toBe('in a folder')
      expect(statSync(join(from, 'list.json')).mode & 0o777).toBe(0o750)
    })

    it.each<[what: string, version: string, owner: Partial<User>]>([
      ['the account’s own', '1.45.0', {}],
      ['an older Buildah’s', '1.43.2', {}],
    ])('are copied one by one where they are %s', async (_, version, owner) => {
      const { shown, context } = await copiesFor(mount, version, owner)
      expect(shown.map(({ path }) => path)).toStrictEqual([join(context, 'folder/file')])
    })
  })

  it('are copied once, however often they are mounted', async () => {
    const { shown } = await copiesFor('--mount=source=list.json,target=/a --mount=source=./list.json,target=/b')
    expect(shown).toHaveLength(1)
  })
})
