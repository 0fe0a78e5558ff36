import { describe, expect, it } from '@jest/globals'
import { findTarget, targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { runSteps } from '../../../src/dockerfile/run-steps.js'
import { formatPlatform } from '../../../src/lib/platform.js'
import { analysisOf } from '../helpers.js'

const arm64 = { os: 'linux', architecture: 'arm64' }
const automatic = { BUILDPLATFORM: 'linux/amd64', TARGETPLATFORM: 'linux/arm64', TARGETARCH: 'arm64' }

/** `platform stage:line` of each. */
function stepsOf(lines: readonly string[], target?: string, contexts: readonly string[] = []): string[] {
  const analysis = analysisOf(lines.join('\n'), { automatic, contexts })
  const stage = target === undefined ? undefined : findTarget(analysis.dockerfile, target)
  return runSteps(analysis, targetIndex(analysis.dockerfile, stage), arm64).map(
    ({ platform, stage: name, line }) => `${formatPlatform(platform)} ${name}:${line}`,
  )
}

describe('runSteps', () => {
  it.each<[what: string, lines: string[], expected: string[]]>([
    ['no RUN', ['FROM a', 'COPY b /', 'ENV C=1', 'WORKDIR /d'], []],
    ['a stage without a platform', ['FROM a', 'RUN b'], ['linux/arm64 0:2']],
    ['each RUN of it', ['FROM a AS x', 'RUN b', 'COPY c /', 'RUN d'], ['linux/arm64 x:2', 'linux/arm64 x:4']],
    [
      'a compile stage on the platform of the build',
      ['FROM --platform=$BUILDPLATFORM a AS build', 'RUN b', 'FROM c', 'COPY --from=build /d /'],
      ['linux/amd64 build:2'],
    ],
    ['$TARGETPLATFORM', ['FROM --platform=$TARGETPLATFORM a', 'RUN b'], ['linux/arm64 0:2']],
    ['a platform as it is written', ['FROM --platform=linux/s390x a', 'RUN b'], ['linux/s390x 0:2']],
    ['one by another name', ['FROM --platform=x86_64 a', 'RUN b'], ['linux/amd64 0:2']],
    ['one that an ARG names', ['ARG P=linux/arm/v7', 'FROM --platform=$P a', 'RUN b'], ['linux/arm/v7 0:3']],
    ['scratch', ['FROM --platform=linux/386 scratch', 'COPY a /', 'RUN ["/a"]'], ['linux/386 0:3']],
    [
      'a stage on another stage, which has the platform of that one',
      ['FROM --platform=$BUILDPLATFORM a AS one', 'FROM one AS two', 'RUN b'],
      ['linux/amd64 two:3'],
    ],
    [
      'also where its own FROM says otherwise',
      ['FROM --platform=$BUILDPLATFORM a AS one', 'FROM --platform=linux/arm64 one', 'RUN b'],
      ['linux/amd64 1:3'],
    ],
    ['a stage that the target doesn’t need', ['FROM a AS one', 'RUN b', 'FROM c', 'RUN d'], ['linux/arm64 1:4']],
    [
      'a stage that a mount needs',
      ['FROM a AS one', 'RUN b', 'FROM c', 'RUN --mount=from=one,target=/m d'],
      ['linux/arm64 one:2', 'linux/arm64 1:4'],
    ],
    [
      'what a stage puts off to the one on it',
      ['FROM --platform=$BUILDPLATFORM a AS one', 'ONBUILD RUN b', 'FROM one', 'COPY c /'],
      ['linux/amd64 1:2'],
    ],
    ['a platform that only the engine knows', ['FROM --platform=${P:?x} a', 'RUN b'], []],
    ['one that is none', ['FROM --platform=what/is/this/now a', 'RUN b'], []],
    ['a base that only the engine knows', ['ARG B', 'FROM $B', 'RUN b'], ['linux/arm64 0:3']],
  ])('%s', (_, lines, expected) => {
    expect(stepsOf(lines)).toStrictEqual(expected)
  })

  it('ends at the target', () => {
    expect(stepsOf(['FROM a AS one', 'RUN b', 'FROM c', 'RUN d'], 'one')).toStrictEqual(['linux/arm64 one:2'])
  })

  it('takes a build context in the place of a stage for an image', () => {
    const lines = ['FROM --platform=$BUILDPLATFORM a AS one', 'FROM one', 'RUN b']
    expect(stepsOf(lines, undefined, ['one'])).toStrictEqual(['linux/arm64 1:3'])
  })
})
