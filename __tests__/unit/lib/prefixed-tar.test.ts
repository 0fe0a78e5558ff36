import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { joinTars } from '../../../src/lib/prefixed-tar.js'
import { temporaryFolder } from '../helpers.js'

const long = `${'folder-of-a-long-name/'.repeat(8)}file`

/** An archive as GNU tar and others make it. */
function archive(format: string): string {
  const files = temporaryFolder()
  mkdirSync(join(files, long, '..'), { recursive: true })
  writeFileSync(join(files, long), 'long')
  writeFileSync(join(files, 'plain'), 'x'.repeat(3000))
  linkSync(join(files, 'plain'), join(files, 'twin'))
  symlinkSync('plain', join(files, 'link'))
  const path = join(temporaryFolder(), 'files.tar')
  execFileSync('tar', ['--create', `--format=${format}`, '--owner=7', '--group=8', '--file', path, '-C', files, '.'])
  return path
}

it.each(['gnu', 'posix', 'ustar'])('puts archives in the format %s each in a folder', async (format) => {
  const dest = join(temporaryFolder(), 'all.tar')
  const archives = ['linux_amd64', 'linux_arm64'].map((folder) => ({ path: archive(format), folder }))
  await joinTars(archives, dest)
  const listed = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--file', dest]).toString()
  expect(listed).toMatch(/ 7\/8 .* linux_arm64\/(plain|twin)$/m)
  const out = temporaryFolder()
  execFileSync('tar', ['--extract', '--no-same-owner', '--file', dest, '--directory', out])
  for (const { folder } of archives) {
    expect(readFileSync(join(out, folder, long), 'utf8')).toBe('long')
    for (const name of ['plain', 'twin', 'link']) expect(readFileSync(join(out, folder, name))).toHaveLength(3000)
  }
})

it('takes nothing else for an archive', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'x'.repeat(2000))
  const joining = joinTars([{ path, folder: 'a' }], join(temporaryFolder(), 'all.tar'))
  await expect(joining).rejects.toThrow(/is not a tar archive/)
})
