import { describe, expect, it } from '@jest/globals'
import { baseImages, inheritedImages } from '../../../../src/pipeline/prepare/base-images.js'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import { formatPlatform, nativePlatform } from '../../../../src/lib/platform.js'
import { inputsOf } from '../../helpers.js'

const native = formatPlatform(nativePlatform())
const other = native === 'linux/s390x' ? 'linux/riscv64' : 'linux/s390x'

/** `name`, or `name for platform`, of each. */
function imagesOf(lines: readonly string[], inputs: Readonly<Record<string, string>> = {}): string[] {
  const dockerfile = parseDockerfile(lines.join('\n'))
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile, target: inputs['target'] }
  return baseImages(inputsOf(inputs), source, {}).map(({ name, platform: own }) =>
    own === undefined ? name : `${name} for ${own}`,
  )
}

describe('baseImages', () => {
  it.each([
    [
      'of FROM, --from and mounts, each once',
      ['FROM a AS x', 'COPY --from=b /f /', 'RUN --mount=from=c true', 'FROM x', 'COPY --from=b /g /'],
      ['a', 'b', 'c'],
    ],
    ['with the values of arguments', ['ARG V=1', 'FROM a:$V'], ['a:1']],
    ['not those of stages that nobody needs', ['FROM unneeded AS x', 'FROM a'], ['a']],
    ['not scratch', ['FROM scratch'], []],
    ['for another platform', [`FROM --platform=${other} a`], [`a for ${other}`]],
    ['for the platform of the machine', ['FROM --platform=$BUILDPLATFORM a', `FROM --platform=${native} b`], ['b']],
    ['for two platforms', [`FROM --platform=${other} a AS x`, 'FROM a', 'COPY --from=x / /x'], [`a for ${other}`, 'a']],
  ])('are %s', (_, lines, expected) => {
    expect(imagesOf(lines)).toStrictEqual(expected)
  })

  it('are those of build contexts that are used', () => {
    const inputs = { 'build-contexts': 'a=docker-image://b.example/c:1\nunused=docker-image://d\nfolder=.' }
    expect(imagesOf(['FROM a', 'COPY --from=folder / /'], inputs)).toStrictEqual(['b.example/c:1'])
  })
})

it('are not those of stages that are built already', () => {
  const text = `FROM a AS x\nCOPY --from=b / /\nFROM c\nCOPY --from=x / /\nCOPY --from=b /more /`
  const source = { context: '/c', file: '/c/Dockerfile', dockerfile: parseDockerfile(text), target: undefined }
  const inputs = inputsOf({ platforms: other })
  const built = { root: '/r', images: [{ stage: 0, calledAs: ['x'], id: 'sha256:1' }] }
  expect(baseImages(inputs, source, {}, built)).toStrictEqual([
    { name: 'c', platform: other },
    { name: 'b', platform: other },
  ])
})

describe('inheritedImages', () => {
  it.each([
    ['of FROM alone', ['FROM a AS x', 'COPY --from=b /f /', 'RUN --mount=from=c true', 'FROM x'], {}, ['a']],
    ['with the values of arguments', ['ARG V=1', 'FROM a:$V'], {}, ['a:1']],
    ['not of stages that nobody needs', ['FROM unneeded AS x', 'FROM a'], {}, ['a']],
    [
      'of a build context in the place of an image',
      ['FROM a'],
      { 'build-contexts': 'a=docker-image://b.example/c' },
      ['b.example/c'],
    ],
    [
      'not of one that is only copied from',
      ['FROM b', 'COPY --from=a / /'],
      { 'build-contexts': 'a=docker-image://c' },
      ['b'],
    ],
  ])('are %s', (_, lines, inputs, expected) => {
    const source = {
      context: '/c',
      file: '/c/Dockerfile',
      dockerfile: parseDockerfile(lines.join('\n')),
      target: undefined,
    }
    expect(inheritedImages(inputsOf(inputs), source, {}).map(({ name }) => name)).toStrictEqual(expected)
  })
})
