import { describe, expect, it } from '@jest/globals'
import type { Origin } from '../../../src/dockerfile/analysis.js'
import { analysisOf } from '../helpers.js'

/** In front of these: stages 0 and 1. */
const STAGES = ['FROM a AS one', 'FROM b AS Two']

interface Given {
  readonly buildArgs?: Readonly<Record<string, string | undefined>>
  readonly contexts?: readonly string[]
  readonly heading?: readonly string[]
}

/** The last stage of a Dockerfile. */
const lastOf = (lines: readonly string[], { heading = [], ...given }: Given = {}) => {
  const analysis = analysisOf([...heading, ...STAGES, ...lines].join('\n'), { ...given, automatic: { ARCH: 'amd64' } })
  const stage = analysis.stages.at(-1)
  if (stage === undefined) throw new Error('there is no stage')
  return stage
}

/** `stage 0`, `image a`, `context x`, `scratch`, several where engines differ; what is unknown, and the stages it may be. */
function describeOrigin(origin: Origin | undefined): string {
  if (origin === undefined) return 'the context'
  const stages = origin.stages.map((index) => `stage ${index}`)
  if ('unknown' in origin) return [`unknown: ${origin.unknown}`, ...stages].join(', ')
  const { name, contexts, image, isOtherCase } = origin.known
  const found = [
    ...stages.map((stage) => (isOtherCase ? `${stage} but for its case` : stage)),
    ...contexts.map((context) => `context ${context}`),
    ...(image === undefined ? [] : [`image ${image}`]),
  ]
  return found.length === 0 ? name : found.join(', ')
}

describe('the base of a stage', () => {
  // What Buildah 1.28 makes of them, where it isn't refused: STEP 1 of a build.
  it.each<[from: string, given: Given, base: string]>([
    ['alpine:3.20', {}, 'image alpine:3.20'],
    ['scratch', {}, 'scratch'],
    ['one', {}, 'stage 0'],
    ['0', {}, 'stage 0'],
    ['Two', {}, 'stage 1'],
    // To BuildKit it is the stage.
    ['two', {}, 'stage 1 but for its case'],
    // No stage comes before itself.
    ['2', {}, 'image 2'],
    ['last', {}, 'image last'],
    ['$S', { heading: ['ARG S=one'] }, 'stage 0'],
    ['${S}', { heading: ['ARG S="one"'] }, 'stage 0'],
    ['o${S}', { heading: ['ARG S'], buildArgs: { S: 'ne' } }, 'stage 0'],
    ['$ARCH/a', {}, 'image amd64/a'],
    ['${S:-one}', {}, 'stage 0'],
    ['a$S', {}, 'image a'],
    ['a$S', { buildArgs: { S: 'undeclared' } }, 'image a'],
    // A variable without a value leaves nothing; the engine refuses it.
    ['$S', { heading: ['ARG S'] }, 'unknown: what FROM $S names, stage 0, stage 1'],
    ['$S', { buildArgs: { S: 'one' } }, 'unknown: what FROM $S names, stage 0, stage 1'],
    ['$S', { heading: ['ARG S=x"y"'] }, 'unknown: what FROM $S names, stage 0, stage 1'],
    ['o$S', { heading: ['ARG S'], buildArgs: { S: undefined } }, 'unknown: what FROM o$S names, stage 0'],
    ['x:$S', { heading: ['ARG S'], buildArgs: { S: undefined } }, 'unknown: what FROM x:$S names'],
    // The engine takes the quotes away.
    ['"one"', {}, 'unknown: what FROM "one" names, stage 0, stage 1'],
    // contexts
    ['docs', { contexts: ['docs'] }, 'context docs'],
    ['one', { contexts: ['one'] }, 'stage 0, context one'],
    [
      'alpine',
      { contexts: ['docker.io/library/alpine:latest'] },
      'context docker.io/library/alpine:latest, image alpine',
    ],
  ])('FROM %s with %j: %s', (from, given, base) => {
    expect(describeOrigin(lastOf([`FROM ${from} AS last`], given).base)).toBe(base)
  })

  it('may be each of several stages of one name', () => {
    expect(describeOrigin(lastOf(['FROM c AS ONE', 'FROM one']).base)).toBe('stage 0, stage 2')
  })

  it.each([
    ['', { known: '' }],
    ['--platform=linux/arm64', { known: 'linux/arm64' }],
    ['--platform=linux/$ARCH', { known: 'linux/amd64' }],
    ['--platform=$NONE', { known: '' }],
    ['--platform=${A:?x}', { unknown: 'what --platform=${A:?x} names' }],
  ])('FROM %s has the platform %j', (flag, platform) => {
    expect(lastOf([`FROM ${flag} one`]).platform).toStrictEqual(platform)
  })
})

describe('where COPY takes from', () => {
  it.each<[flag: string, from: string]>([
    ['', 'the context'],
    ['--from=', 'the context'],
    ['--from=one', 'stage 0'],
    ['--from=1', 'stage 1'],
    ['--from=later', 'image later'],
    ['--from="one"', 'stage 0'],
    // The variable is one of the stage, wherever else it is declared.
    ['--from=$S', 'unknown: what --from=$S names, stage 0, stage 1'],
    ['--from=T${S:-w}o', 'unknown: what --from=T${S:-w}o names, stage 1'],
  ])('%s: %s', (flag, from) => {
    const lines = ['FROM c', 'ARG S', `COPY ${flag} /a /a`, 'FROM d AS later']
    const analysis = analysisOf(['ARG S=one', ...STAGES, ...lines].join('\n'))
    expect(describeOrigin(analysis.stages[2]?.steps[1]?.copy?.from)).toBe(from)
  })
})

describe('what a mount shows', () => {
  it.each<[mount: string, from: string]>([
    ['source=a', 'the context'],
    ['from=', 'the context'],
    ['from=one', 'stage 0'],
    ['From=alpine', 'image alpine'],
    ['from=$S', 'unknown: what --mount=from=$S,target=/m shows, stage 0, stage 1'],
  ])('%s: %s', (mount, from) => {
    const { steps } = lastOf(['FROM c', `RUN --mount=${mount},target=/m x`])
    expect(steps[0]?.mounts.map((one) => describeOrigin(one.from))).toStrictEqual([from])
  })
})

it('ONBUILD has its instruction, which may name any stage', () => {
  const analysis = analysisOf('FROM a\nONBUILD COPY --from=b /x /x\nFROM c AS b')
  const triggers = analysis.stages[0]?.steps[0]?.triggers ?? []
  expect(triggers.map(({ instruction, copy }) => [instruction.line, describeOrigin(copy?.from)])).toStrictEqual([
    [2, 'stage 1'],
  ])
})

it('a step has the arguments that its stage has declared so far', () => {
  const { steps } = lastOf(['FROM c', 'ENV X=1', 'ARG A B=2', 'RUN x', 'ARG C', 'RUN y'], { heading: ['ARG D'] })
  expect(steps.map(({ declared }) => [...declared].join(' '))).toStrictEqual(['', 'A B', 'A B', 'A B C', 'A B C'])
})
