import { describe, expect, it } from '@jest/globals'
import { targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { sharedStages } from '../../../src/dockerfile/shared-stages.js'
import { parsePlatforms, platformArguments } from '../../../src/lib/platform.js'
import { analysisOf } from '../helpers.js'

const machine = { os: 'linux', architecture: 'amd64' }
const automatic = Object.fromEntries(platformArguments(parsePlatforms(['linux/amd64,linux/arm64']), machine))

/** What is shared of a Dockerfile, as `name: what it is called`. */
function shared(text: string, contexts: readonly string[] = [], buildArgs: Record<string, string> = {}): string[] {
  const analysis = analysisOf(text, { automatic, contexts, buildArgs })
  const found = sharedStages(analysis, targetIndex(analysis.dockerfile, undefined), machine)
  return found.map(({ name, calledAs }) => `${name}: ${calledAs.join(' ')}`)
}

const BUILD = 'FROM --platform=$BUILDPLATFORM node AS build\n'
const LAST = 'FROM alpine\nCOPY --from=build /out /\n'

describe('stages of the machine that nothing of the platform goes into are shared', () => {
  it.each<[what: string, dockerfile: string, expected: readonly string[]]>([
    ['one', `${BUILD}COPY . .\nRUN make\n${LAST}`, ['build: build']],
    ['with a platform as it is', `FROM --platform=linux/amd64 node AS build\nRUN make\n${LAST}`, ['build: build']],
    [
      'with arguments of the machine and of the user',
      `ARG V=1\nFROM --platform=$BUILDPLATFORM node:$V AS build\nARG V BUILDARCH\nRUN make\n${LAST}`,
      ['build: build'],
    ],
    ['by its number', `${BUILD}RUN make\nFROM alpine\nCOPY --from=0 /out /\n${LAST}`.replace(LAST, ''), ['build: 0']],
    ['by number and name', `${BUILD}RUN make\n${LAST}COPY --from=0 /more /\n`, ['build: build 0']],
    ['without a name', 'FROM --platform=$BUILDPLATFORM node\nRUN make\nFROM alpine\nCOPY --from=0 /out /\n', ['0: 0']],
    ['on scratch', `FROM --platform=$BUILDPLATFORM scratch AS build\nRUN ["/x"]\n${LAST}`, ['build: build']],
    [
      'what they are built on and copy from goes along',
      `FROM --platform=$BUILDPLATFORM xx AS xx\nFROM --platform=$BUILDPLATFORM node AS base\nRUN a\nFROM base AS build\nCOPY --from=xx / /\nCOPY --from=image /a /a\nRUN --mount=from=xx b\n${LAST}`,
      ['build: build'],
    ],
    [
      'two of them',
      `${BUILD}RUN a\nFROM --platform=$BUILDPLATFORM go AS more\nRUN b\n${LAST}COPY --from=more / /\n`,
      ['build: build', 'more: more'],
    ],
    [
      'beside a stage that depends on it',
      `${BUILD}RUN a\nFROM --platform=$BUILDPLATFORM go AS go\nARG TARGETARCH\nRUN b\n${LAST}COPY --from=go / /\n`,
      ['build: build'],
    ],
    [
      'copied by a stage of the machine that depends on it',
      `${BUILD}RUN a\nFROM --platform=$BUILDPLATFORM go AS go\nARG TARGETARCH\nCOPY --from=build / /\nRUN b\nFROM alpine\nCOPY --from=go / /\n`,
      ['build: build'],
    ],
    [
      'with a mount of its own',
      `${BUILD}RUN --mount=type=cache,target=/c --mount=source=. a\n${LAST}`,
      ['build: build'],
    ],
  ])('%s', (_, dockerfile, expected) => {
    expect(shared(dockerfile)).toStrictEqual(expected)
  })
})

describe('stages are not shared', () => {
  it.each<[what: string, dockerfile: string]>([
    ['of the platform of the image', `FROM node AS build\nRUN make\n${LAST}`],
    ['of another platform than the machine', `FROM --platform=linux/arm64 node AS build\nRUN make\n${LAST}`],
    ['with $TARGETPLATFORM', `FROM --platform=$TARGETPLATFORM node AS build\nRUN make\n${LAST}`],
    ['with an argument of the target', `${BUILD}ARG TARGETARCH\nRUN make $TARGETARCH\n${LAST}`],
    ['with one by an escaped line', `# escape=\`\nARG F=$TARGET\`\nARCH\n${BUILD}ARG F\nRUN make\n${LAST}`],
    ['with an argument that is declared only', `${BUILD}ARG TARGETVARIANT\nRUN make\n${LAST}`],
    ['with one in a heredoc', `${BUILD}COPY <<EOF /x\n\${TARGETOS}\nEOF\nRUN make\n${LAST}`],
    ['with one in a flag', `${BUILD}ARG V\nRUN --mount=type=cache,id=c-$TARGETARCH make\n${LAST}`],
    ['on an image by one', `FROM --platform=$BUILDPLATFORM node-$TARGETARCH AS build\nRUN make\n${LAST}`],
    [
      'by a global argument that has it',
      `ARG CC=gcc-$TARGETARCH\nARG TOOL="\${CC}-9"\nFROM --platform=$BUILDPLATFORM node AS build\nARG TOOL\nRUN make\n${LAST}`,
    ],
    [
      'on one that depends on it',
      `FROM --platform=$BUILDPLATFORM node AS base\nARG TARGETARCH\nRUN a\nFROM base AS build\nRUN make\n${LAST}`,
    ],
    [
      'that copy from one that depends on it',
      `FROM alpine AS base\nRUN a\nFROM --platform=$BUILDPLATFORM node AS build\nCOPY --from=base /a /\nRUN make\n${LAST}`,
    ],
    [
      'that mount one that depends on it',
      `FROM alpine AS base\nRUN a\nFROM --platform=$BUILDPLATFORM node AS build\nRUN --mount=from=base make\n${LAST}`,
    ],
    ['that copy from what a variable names', `${BUILD}ARG X\nCOPY --from=$X /a /\nRUN make\n${LAST}`],
    ['with a mount that only the engine can read', `${BUILD}RUN --mount=type=$X make\n${LAST}`],
    ['with ONBUILD', `${BUILD}ONBUILD RUN a\nRUN make\n${LAST}`],
    [
      'that others are built on',
      `${BUILD}RUN make\nFROM build AS more\nARG TARGETARCH\nRUN b\n${LAST}COPY --from=more / /\n`,
    ],
    ['that others mount', `${BUILD}RUN make\nFROM alpine\nRUN --mount=from=build b\nCOPY --from=build / /\n`],
    [
      'that a variable may name',
      `${BUILD}RUN make\nFROM alpine\nARG TARGETARCH\nCOPY --from=b$TARGETARCH / /\nCOPY --from=build / /\n`,
    ],
    [
      'that ONBUILD of another may name',
      `${BUILD}RUN make\nFROM alpine AS x\nONBUILD COPY --from=build / /\nFROM x\nCOPY --from=build / /\n`,
    ],
    [
      'whose name is that of an image before it',
      `FROM build AS x\nRUN a\n${BUILD}RUN make\n${LAST}COPY --from=x / /\n`,
    ],
    ['of a name that two have', `${BUILD}RUN a\n${BUILD}RUN make\n${LAST}`],
    // An engine that is told the name takes the first.
    [
      'by the number of one of two that have a name',
      `${BUILD}RUN a\n${BUILD}RUN make\nFROM alpine\nCOPY --from=1 / /\n`,
    ],
    [
      'by the number of one of two that have a name but for its case',
      `${BUILD}RUN a\n${BUILD.replace('build', 'Build')}RUN make\nFROM alpine\nCOPY --from=1 / /\n`,
    ],
    [
      'by a number that is the name of another one',
      'FROM --platform=$BUILDPLATFORM node\nRUN make\nFROM alpine AS 0\nCOPY --from=0 / /\n',
    ],
    [
      'with a number for a name',
      'FROM --platform=$BUILDPLATFORM node AS 7\nRUN make\nFROM alpine\nCOPY --from=7 / /\n',
    ],
    ['with an argument whose name is made of another one', `${BUILD}ARG X=ARCH\nARG TARGET$X\nRUN env\n${LAST}`],
    ['with an argument whose name has an escape', `${BUILD}ARG TARGET\\ARCH\nRUN env\n${LAST}`],
    [
      'on one with such an argument',
      `FROM --platform=$BUILDPLATFORM node AS base\nARG TARG"ET"ARCH\nFROM base AS build\nRUN env\n${LAST}`,
    ],
    ['where a global argument has such a name', `ARG X=Y\nARG F$X=$TARGETARCH\n${BUILD}ARG FY\nRUN make\n${LAST}`],
    ['that only name an image', `${BUILD}${LAST}`],
    ['that the target doesn’t need', `${BUILD}RUN make\nFROM alpine\n`],
    ['that the target is built on', `${BUILD}RUN make\nFROM build\nCOPY --from=build / /\n`],
    ['that are the target', 'FROM --platform=$BUILDPLATFORM node\nRUN make\n'],
    [
      'that wait for another one',
      `FROM alpine AS x\nFROM --platform=$BUILDPLATFORM --after=x node AS build\nRUN make\n${LAST}`,
    ],
    [
      'of a name that isn’t one',
      `FROM --platform=$BUILDPLATFORM node AS b:d\nRUN make\nFROM alpine\nCOPY --from=b:d / /\n`,
    ],
    ['where the engines read it differently', `${BUILD}ENV A=x\\\\\nRUN make\n${LAST}`],
    [
      'that need one which others need otherwise',
      `FROM --platform=$BUILDPLATFORM node AS base\nRUN a\nFROM base AS build\nRUN make\nFROM base AS other\nARG TARGETARCH\nRUN b\n${LAST}COPY --from=other / /\n`,
    ],
  ])('%s', (_, dockerfile) => {
    expect(shared(dockerfile)).toStrictEqual([])
  })

  it('that a further build context takes the place of, or of part of them', () => {
    const text = `${BUILD}COPY --from=more / /\nRUN make\n${LAST}`
    expect(shared(text)).toStrictEqual(['build: build'])
    for (const name of ['node', 'build', 'more']) expect(shared(text, [name])).toStrictEqual([])
  })

  it('where the platform of the machine is given as an argument', () => {
    expect(shared(`${BUILD}RUN make\n${LAST}`, [], { BUILDPLATFORM: 'linux/amd64' })).toStrictEqual([])
  })
})
