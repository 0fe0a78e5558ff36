import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from '@jest/globals'

import { root, text } from './project-files.js'
import { useSteps } from './workflow-steps.js'

const { folder, runStep } = useSteps('.github/workflows/buildah.yml')
const tag = 'buildah-1.45.0-1'

for (const name of ['archives', 'dist', 'scripts']) mkdirSync(join(folder, name))
cpSync(join(root, 'scripts/static-buildah'), join(folder, 'scripts/static-buildah'), { recursive: true })
const archive = (arch: string, content: string): void => {
  writeFileSync(join(folder, `archives/buildah-1.45.0-linux-${arch}.tar.gz`), content)
}

describe('the manifest that is committed', () => {
  test('is of one release, with both architectures, pinned by their content', () => {
    const [release, ...others] = JSON.parse(text('dist/buildah.json')) as [Record<string, unknown>]
    const address = /^releases\/download\/buildah-\d+\.\d+\.\d+-\d+\/buildah-\d+\.\d+\.\d+-linux-\w+\.tar\.gz$/
    const file = (arch: string) => ({
      filename: expect.any(String),
      arch,
      platform: 'linux',
      download_url: expect.stringMatching(address),
      size: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(others).toStrictEqual([])
    expect(release).toStrictEqual({
      version: /^version=(.*)$/m.exec(text('scripts/static-buildah.sh'))?.[1],
      stable: true,
      files: [file('x64'), file('arm64')],
    })
  })
})

describe('what is published', () => {
  const compare = (environment: Record<string, string>) => runStep('They are those of dist/buildah.json', environment)
  const sums = {
    amd64: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    arm64: 'cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34',
  }
  const file = (arch: 'amd64' | 'arm64') => ({
    filename: `buildah-1.45.0-linux-${arch}.tar.gz`,
    arch: arch === 'amd64' ? 'x64' : arch,
    platform: 'linux',
    download_url: `releases/download/${tag}/buildah-1.45.0-linux-${arch}.tar.gz`,
    size: 3,
    sha256: sums[arch],
  })
  const manifest = [{ version: '1.45.0', stable: true, files: [file('amd64'), file('arm64')] }]
  writeFileSync(join(folder, 'dist/buildah.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  archive('amd64', 'abc')

  test('has the bytes that the manifest says', () => {
    archive('arm64', 'def')
    expect(compare({ GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: tag })).toMatchObject({ status: 0 })
    expect(compare({ GITHUB_REF_TYPE: 'branch', GITHUB_REF_NAME: 'main' })).toMatchObject({ status: 0 })
    expect(runStep('Lay them out as they are released', {})).toMatchObject({ status: 1 })
    writeFileSync(join(folder, 'archives/SHA256SUMS'), '')
    expect(runStep('Lay them out as they are released', {})).toMatchObject({ status: 0 })
    expect(existsSync(join(folder, 'release', file('arm64').download_url))).toBe(true)
  })

  test.each([
    ['other bytes', 'other', tag, 1, '"sha256"'],
    ['the tag of another release', 'def', 'buildah-1.45.0-2', 1, `dist/buildah.json is of ${tag}`],
  ])('is refused with %s', (_, content, name, status, said) => {
    archive('arm64', content)
    const result = compare({ GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: name })
    expect(result.status).toBe(status)
    expect(result.log).toContain(said)
  })
})
