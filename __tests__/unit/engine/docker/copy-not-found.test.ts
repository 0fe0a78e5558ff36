import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile, stepsOf } from '../../../../src/dockerfile/dockerfile.js'
import { missingPath } from '../../../../src/engine/docker/copy-not-found.js'
import { missingOf } from '../../../../src/engine/copy-not-found.js'
import { temporaryFolder } from '../../helpers.js'

// What Docker 20.10.24 and BuildKit 0.34.2 by Buildx 0.38.2 print, word for word.
const checksum = (path: string) =>
  `#4 ERROR: failed to calculate checksum of ref suijvkb7::pyw8bbmv: "/${path}": not found\nERROR: failed to build: failed to solve: failed to compute cache key: failed to calculate checksum of ref suijvkb7::pyw8bbmv: "/${path}": not found\n`
const older = (path: string) =>
  `#3 ERROR: "/${path}" not found: not found\n------\n > [2/2] COPY ${path} /x:\n------\nfailed to compute cache key: "/${path}" not found: not found\n`
const walk =
  'ERROR: failed to build: failed to solve: failed to compute cache key: failed to walk /var/lib/docker/tmp/buildkit-mount1212037363/src: lstat /var/lib/docker/tmp/buildkit-mount1212037363/src: no such file or directory'
const look = (instruction: string, output: string) => {
  const [step] = stepsOf(parseDockerfile(`FROM scratch\n${instruction}\n`))
  return step === undefined ? 'no step' : missingPath(output, step)
}

describe('missingPath', () => {
  it.each([
    ['COPY src/sever.js /x', checksum('src/sever.js'), 'src/sever.js'],
    ['COPY src/server.js nope /x/', checksum('nope'), 'nope'],
    ['ADD nosuch.tar /x', checksum('nosuch.tar'), 'nosuch.tar'],
    ['COPY ["a b", "/x"]', checksum('a b'), 'a b'],
    ['COPY src/sever.js /x', older('src/sever.js'), 'src/sever.js'],
    ['COPY nodir/ /x/', older('nodir'), 'nodir'],
    [
      'COPY src/sever.js /x',
      `ERROR: failed to solve: ${older('src/sever.js').split('\n').at(-2) ?? ''}`,
      'src/sever.js',
    ],
    ['COPY ./src/sever.js /x', walk, 'src/sever.js'],
    ['COPY src/a src/b /x', walk, undefined],
  ])('of %j, with %j, is %j', (instruction, output, expected) => {
    expect(look(instruction, output)).toBe(expected)
  })

  it.each([
    ['another stage', 'COPY --from=other nope /x', checksum('nope')],
    ['another stage, by the older BuildKit', 'COPY --from=other nope /x', older('nope')],
    ['a step that prints such a line', 'RUN false', checksum('forged')],
    ['another error', 'COPY key /x', 'ERROR: failed to solve: error from sender: open key: permission denied'],
    ['another error after such a line', 'COPY key /x', `${checksum('forged')}ERROR: failed to solve: forbidden path`],
  ])('leaves %s alone', (_, instruction, output) => {
    expect(look(instruction, output)).toBeUndefined()
  })
})

describe('missingOf', () => {
  it.each([
    ['secret.env', { ignored: true }],
    ['*.env', { ignored: true }],
    ['logs/one', { ignored: true }],
    ['src/sever.js', { ignored: false }],
    ['*.nope', { ignored: false }],
    // It is there, whatever else is wrong with it.
    ['link', undefined],
    ['src/*', undefined],
  ])('%j: %j', async (path, expected) => {
    const context = temporaryFolder()
    for (const name of ['src', 'logs']) mkdirSync(join(context, name))
    for (const name of ['secret.env', 'src/server.js', 'logs/one']) writeFileSync(join(context, name), '')
    symlinkSync('nowhere', join(context, 'link'))
    writeFileSync(join(context, '.dockerignore'), '*.env\nlogs\n')
    const missing = await missingOf(path, { context, file: join(context, 'Dockerfile') })
    expect(missing).toStrictEqual(expected && { path, ...expected })
  })
})
