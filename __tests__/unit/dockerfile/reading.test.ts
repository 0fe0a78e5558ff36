import { describe, expect, it } from '@jest/globals'
import { targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { readingOf, readsBelow } from '../../../src/dockerfile/reading.js'
import { analysisOf } from '../helpers.js'

function read(lines: readonly string[], given: Parameters<typeof analysisOf>[1] = {}) {
  const analysis = analysisOf(lines.join('\n'), given)
  const keys = analysis.stages.map(({ steps }, stage) => {
    const names = Array.from({ length: steps.length + 1 }, (_, index) => `${stage}.${index}`)
    return { keys: names, contents: names.map((name) => `c${name}`), added: 0 }
  })
  return readingOf(analysis, keys, targetIndex(analysis.dockerfile, undefined))
}

const whyOf = (...args: Parameters<typeof read>) => {
  const found = read(...args)
  return 'why' in found ? found.why : undefined
}

it('tells of each stage what it stands on, what its steps read, and whether it is read', () => {
  const lines = [
    'FROM tools:1 AS build',
    'RUN make',
    'FROM debian AS base',
    'FROM base',
    'COPY --from=build /a /a',
    'ADD b /b',
  ]
  expect(read(lines)).toStrictEqual({
    images: new Set(),
    stages: [
      {
        base: { image: 'tools:1' },
        steps: [{ key: '0.1', content: 'c0.1', readsBelow: true, sources: [] }],
        isRead: true,
      },
      { base: { image: 'debian' }, steps: [], isRead: false },
      {
        base: { stage: 1 },
        steps: [
          { key: '2.1', content: 'c2.1', readsBelow: false, sources: [0] },
          { key: '2.2', content: 'c2.2', readsBelow: true, sources: [] },
        ],
        isRead: false,
      },
    ],
  })
})

describe('what is read', () => {
  it.each<[what: string, lines: readonly string[], stages: readonly boolean[], images: readonly string[]]>([
    ['by a mount', ['FROM a AS b', 'FROM c', 'RUN --mount=from=b,target=/b x'], [true, false], []],
    ['of an image', ['FROM a', 'COPY --from=tools:1 /x /x'], [false], ['tools:1']],
    ['of an image by a mount', ['FROM a', 'RUN --mount=from=tools:1,target=/b x'], [false], ['tools:1']],
    ['of a stage that nobody needs, if it is built at all', ['FROM a AS b', 'FROM c'], [true, false], []],
    ['of the context by COPY', ['FROM a', 'COPY b /b'], [false], []],
  ])('%s', (_, lines, stages, images) => {
    const found = read(lines)
    if ('why' in found) throw new Error(found.why)
    expect(found.stages.map(({ isRead }) => isRead)).toStrictEqual(stages)
    expect([...found.images]).toStrictEqual(images)
  })
})

describe('what a step has copied isn’t known before the build', () => {
  const SUM = `sha256:${'0'.repeat(64)}`
  it.each<[what: string, line: string, content: string | undefined]>([
    ['where it downloads', 'ADD https://example.com/a.tar /a', undefined],
    ['where it fetches a repository', 'ADD https://example.com/a.git#main /a', undefined],
    ['where a variable may have the address', 'ADD $A /a', undefined],
    ['but where the download is checked', `ADD --checksum=${SUM} https://example.com/a.tar /a`, 'c0.1'],
    ['but where it is of the context', 'ADD a /a', 'c0.1'],
  ])('%s', (_, line, content) => {
    const found = read(['FROM a', line])
    if ('why' in found) throw new Error(found.why)
    expect(found.stages[0]?.steps[0]?.content).toBe(content)
  })
})

describe('nothing is told', () => {
  it.each<[what: string, lines: readonly string[], why: RegExp, contexts: readonly string[]]>([
    ['where a variable names what is copied from', ['FROM a', 'ARG S', 'COPY --from=$S /x /x'], /isn't clear/, []],
    ['where a variable without a value names the base', ['ARG B', 'FROM $B'], /isn't clear/, []],
    ['where a build context has the name', ['FROM a'], /isn't clear/, ['a']],
    ['where two stages have the name', ['FROM a AS x', 'FROM b AS x', 'FROM x'], /isn't clear/, []],
    ['of ONBUILD', ['FROM a', 'ONBUILD RUN x'], /line 2 has ONBUILD/, []],
    ['of another platform', ['FROM --platform=linux/arm64 a'], /line 1 names a platform/, []],
  ])('%s', (_, lines, why, contexts) => {
    expect(whyOf(lines, { contexts })).toMatch(why)
  })
})

it.each([
  ['RUN make', true],
  ['run make', true],
  ['ADD a.tar /', true],
  ['NEW thing', true],
  ['COPY a /a', false],
  ['LABEL "a"="b"', false],
  ['WORKDIR /a', false],
  ['COMMIT x', false],
])('%s reads files of the layers below it: %s', (text, reads) => {
  expect(readsBelow(text)).toBe(reads)
})
