import { expect, it } from '@jest/globals'
import { imagesAfterOtherPlatform, linesWithPlatform, stagePlatforms } from '../../../src/dockerfile/stage-platforms.js'
import { formatPlatform } from '../../../src/lib/platform.js'
import { analysisOf } from '../helpers.js'

const target = { os: 'linux', architecture: 'arm64' }
const automatic = { BUILDPLATFORM: 'linux/amd64', TARGETPLATFORM: 'linux/arm64' }
const analyzed = (lines: readonly string[]) => analysisOf(lines.join('\n'), { automatic })

it.each<[lines: readonly string[], expected: readonly (string | undefined)[]]>([
  [['FROM a'], ['linux/arm64']],
  [
    ['FROM --platform=$BUILDPLATFORM a AS b', 'FROM c', 'FROM b'],
    ['linux/amd64', 'linux/arm64', 'linux/amd64'],
  ],
  // What a stage is built on has the last word.
  [
    ['FROM a AS b', 'FROM --platform=$BUILDPLATFORM b'],
    ['linux/arm64', 'linux/arm64'],
  ],
  [
    ['FROM --platform=arm a', 'FROM --platform=x/y/z/a b'],
    ['linux/arm/v7', undefined],
  ],
])('stages of %j are for %j', (lines, expected) => {
  const platforms = stagePlatforms(analyzed(lines).stages, target)
  expect(platforms.map((one) => one && formatPlatform(one))).toStrictEqual(expected)
})

it.each<[lines: readonly string[], expected: readonly (readonly [line: number, image: string])[]]>([
  [['FROM --platform=$BUILDPLATFORM a AS b', 'FROM c', 'COPY --from=b / /'], [[2, 'c']]],
  [['FROM --platform=$BUILDPLATFORM a AS b', 'FROM scratch', 'COPY --from=c / /'], [[3, 'c']]],
  [['FROM --platform=$BUILDPLATFORM a AS b', 'FROM scratch', 'RUN --mount=from=c true'], [[3, 'c']]],
  [['FROM --platform=$BUILDPLATFORM a AS b', 'FROM b', 'COPY --from=b / /'], []],
  [['FROM --platform=$BUILDPLATFORM a AS b', 'FROM --platform=$TARGETPLATFORM c'], []],
  [['FROM c', 'FROM --platform=$BUILDPLATFORM a'], []],
  [['FROM --platform=linux/arm64 a AS b', 'FROM c'], []],
])('images of no platform after another one in %j are %j', (lines, expected) => {
  const found = imagesAfterOtherPlatform(analyzed(lines), target)
  expect(found.map(({ line, image }) => [line, image])).toStrictEqual(expected)
})

it('finds the lines of FROM that name a variable', () => {
  const analysis = analyzed([
    'FROM --platform=$BUILDPLATFORM a',
    'RUN $BUILDPLATFORM',
    'FROM --platform=${BUILDPLATFORM} b',
  ])
  expect(linesWithPlatform(analysis, 'BUILDPLATFORM')).toStrictEqual([1, 3])
})
