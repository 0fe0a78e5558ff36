import { execFileSync } from 'node:child_process'
import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from '@jest/globals'
import { readScanFiles } from '../../../../../src/engine/buildah/images/scan-files.js'
import { rejection, temporaryFolder } from '../../../helpers.js'

const LIMIT = 100
const env = { PATH: process.env['PATH'] ?? '' }

/** An archive of what a generator has left in its folder. */
function archiveOf(write: (folder: string) => void): string {
  const folder = temporaryFolder()
  write(folder)
  const archive = join(temporaryFolder(), 'scan.tar')
  execFileSync('tar', ['--create', '--file', archive, '--directory', folder, '.'])
  return archive
}

it('takes the files that the protocol asks for, and follows no link to another', async () => {
  const secret = join(temporaryFolder(), 'secret')
  writeFileSync(secret, 'of the runner')
  const archive = archiveOf((folder) => {
    writeFileSync(join(folder, 'sbom.spdx.json'), '{}')
    writeFileSync(join(folder, 'notes.txt'), 'for nobody')
    symlinkSync(secret, join(folder, 'stage.spdx.json'))
  })
  expect(await readScanFiles(archive, LIMIT, env)).toStrictEqual([{ name: 'sbom.spdx.json', text: '{}' }])
  expect([archive, join(dirname(archive), 'scan')].filter((path) => existsSync(path))).toStrictEqual([])
})

it('refuses one that is too large', async () => {
  const archive = archiveOf((folder) => {
    writeFileSync(join(folder, 'sbom.spdx.json'), 'x'.repeat(LIMIT + 1))
  })
  expect((await rejection(readScanFiles(archive, LIMIT, env))).message).toContain(
    '"sbom.spdx.json", which the generator wrote, has 101 B, and 100 B is the limit',
  )
})
