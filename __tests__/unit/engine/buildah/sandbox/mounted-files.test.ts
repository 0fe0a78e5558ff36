import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { copyMountedFiles } from '../../../../../src/engine/buildah/sandbox/mounted-files.js'
import type { WorkDir } from '../../../../../src/engine/work-dir.js'
import { temporaryFolder } from '../../../helpers.js'

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
  writeFileSync(join(context, 'twice'), '')
  linkSync(join(context, 'twice'), join(context, 'again'))
  return context
}

async function copiesFor(mounts: string, context = contextFolder()) {
  const buildUser = { name: 'me', uid: 1, gid: 1, home: '/home/me', prefix: [], reason: '' }
  const workDir: WorkDir = { path: temporaryFolder(), buildUser, env: { PATH: process.env['PATH'] ?? '' } }
  const shown = await copyMountedFiles(parseDockerfile(`FROM x AS y\nRUN ${mounts} make\n`), context, workDir)
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
    ['a link', '--mount=source=link,target=/a'],
    ['a file behind a link', '--mount=source=way/file,target=/a'],
    ['a hard link, which its copy would not be', '--mount=source=twice,target=/a'],
    ['a file of a stage', '--mount=from=y,source=list.json,target=/a'],
    ['a cache', '--mount=type=cache,source=list.json,target=/a'],
    ['a path that only Buildah can read', '--mount=source=$LIST,target=/a'],
    ['a path that leads out of the context', '--mount=source=../outside,target=/a'],
    ['nothing', '--mount=source=nowhere,target=/a'],
  ])('are none where that is %s', async (_, mount) => {
    expect((await copiesFor(mount)).shown).toStrictEqual([])
  })

  it('are copied once, however often they are mounted', async () => {
    const { shown } = await copiesFor('--mount=source=list.json,target=/a --mount=source=./list.json,target=/b')
    expect(shown).toHaveLength(1)
  })
})
