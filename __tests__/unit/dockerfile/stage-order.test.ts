import { describe, expect, it } from '@jest/globals'
import { sharesSteps, stagesAtOnce } from '../../../src/dockerfile/stage-order.js'
import { analysisOf } from '../helpers.js'

const three = ['FROM x AS a', 'RUN a', 'FROM x AS b', 'RUN b', 'FROM x AS c', 'RUN c']

describe('stagesAtOnce', () => {
  it.each<[what: string, lines: string[], expected: number]>([
    ['one stage', ['FROM x', 'RUN a'], 1],
    ['a chain of stages', ['FROM x AS a', 'RUN a', 'FROM a AS b', 'RUN b', 'FROM b', 'RUN c'], 1],
    [
      'a stage that begins with what another one has made',
      ['FROM x AS a', 'RUN a', 'FROM scratch', 'COPY --from=a /a /'],
      1,
    ],
    ['the same behind a setting', ['FROM x AS a', 'RUN a', 'FROM y', 'WORKDIR /w', 'COPY --from=0 /a /'], 1],
    ['one that mounts it first', ['FROM x AS a', 'RUN a', 'FROM y', 'RUN --mount=from=a,target=/a b'], 1],
    ['one that has work of its own before', ['FROM x AS a', 'RUN a', 'FROM y', 'RUN b', 'COPY --from=a /a /'], 2],
    [
      'three and the one that joins them',
      [...three, 'FROM scratch', ...['a', 'b', 'c'].map((n) => `COPY --from=${n} / /`)],
      3,
    ],
    ['the target alone', [...three], 1],
    [
      'three on one base',
      [
        'FROM x AS base',
        'RUN b',
        ...three.map((line) => line.replace('x', 'base')),
        'FROM base',
        'RUN d',
        'COPY --from=a / /',
        'COPY --from=b / /',
      ],
      3,
    ],
  ])('%s', (_, lines, expected) => {
    const analysis = analysisOf(lines.join('\n'))
    expect(stagesAtOnce(analysis, analysis.stages.length - 1)).toBe(expected)
  })
})

describe('sharesSteps', () => {
  it.each<[what: string, lines: string[], expected: boolean]>([
    ['other commands', ['FROM x AS a', 'RUN a', 'FROM x', 'RUN b', 'COPY --from=a / /'], false],
    ['the same command', ['FROM x AS a', 'RUN a', 'FROM x', 'RUN a', 'COPY --from=a / /'], true],
    [
      'the same behind the same',
      ['FROM x AS a', 'COPY p /', 'RUN a', 'FROM x', 'COPY p /', 'RUN a', 'RUN b', 'COPY --from=a / /'],
      true,
    ],
    ['the same on another base', ['FROM x AS a', 'RUN a', 'FROM y', 'RUN a', 'COPY --from=a / /'], false],
    ['what needs no time', ['FROM x AS a', 'COPY p /', 'FROM x', 'COPY p /', 'COPY --from=a / /'], false],
    ['a stage that nobody needs', ['FROM x AS a', 'RUN a', 'FROM x', 'RUN a'], false],
  ])('%s', (_, lines, expected) => {
    const analysis = analysisOf(lines.join('\n'))
    expect(sharesSteps(analysis, analysis.stages.length - 1)).toBe(expected)
  })
})
