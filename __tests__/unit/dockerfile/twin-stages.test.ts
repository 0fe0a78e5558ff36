import { describe, expect, it } from '@jest/globals'
import { parseDockerfile, targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { twinStages } from '../../../src/dockerfile/twin-stages.js'
import { analysisOf } from '../../../src/source/analysis.js'
import { inputsOf } from '../helpers.js'

const twinsIn = (lines: readonly string[], given: Readonly<Record<string, string>> = {}) => {
  const inputs = inputsOf(given)
  const dockerfile = parseDockerfile(lines.join('\n'))
  return twinStages(analysisOf(inputs, dockerfile, undefined), targetIndex(dockerfile, inputs.target))
}

const one = ['FROM x AS one', 'ARG V=1', 'LABEL l=$V']
const two = ['FROM x AS two', 'ARG V=2', 'LABEL l=$V']
const last = ['FROM two', 'COPY --from=one /a /a']

describe('a stage that another one begins like', () => {
  it('is found where only the value of an argument tells them apart', () => {
    expect(twinsIn([...one, 'RUN a', ...two, ...last])).toStrictEqual([{ line: 7, other: 0 }])
    expect(twinsIn([...two, ...one, 'RUN a', ...last])).toStrictEqual([])
  })

  it.each(['ENV e=$V', 'USER $V', 'WORKDIR /w/$V', 'VOLUME /v$V', 'EXPOSE $V'])('also by %s', (step) => {
    const lines = ['FROM x AS one', 'ARG V=1', step, 'RUN a', 'FROM x AS two', 'ARG V=2', step, ...last]
    expect(twinsIn(lines)).toStrictEqual([{ line: 7, other: 0 }])
  })

  it('is the second one where they are alike to the end', () => {
    const both = ['FROM y', 'COPY --from=one /a /a', 'COPY --from=two /a /b']
    expect(twinsIn([...one, ...two, ...both])).toStrictEqual([{ line: 6, other: 0 }])
  })

  it('is found on a stage of the same Dockerfile', () => {
    const lines = ['FROM x AS base', 'RUN a', 'FROM base AS one', 'ARG V=1', 'ENV e=$V', 'RUN b']
    expect(twinsIn([...lines, 'FROM base AS two', 'ARG V=2', 'ENV e=$V', ...last])).toStrictEqual([
      { line: 9, other: 1 },
    ])
  })

  it.each([
    ['a RUN, whose history has the values', [...one, 'RUN a', ...two, 'RUN a', ...last]],
    ['another text', [...one, 'RUN a', 'FROM x AS two', 'ARG V=2', 'LABEL m=$V', ...last]],
    ['another base image', [...one, 'RUN a', 'FROM y AS two', 'ARG V=2', 'LABEL l=$V', ...last]],
    [
      'what is copied',
      ['FROM x AS one', 'ARG V=1', 'COPY $V /f', 'RUN a', 'FROM x AS two', 'ARG V=2', 'COPY $V /f', ...last],
    ],
    ['a label of its own', [...one, 'RUN a', 'FROM x AS two', 'LABEL stage=two', 'ARG V=2', 'LABEL l=$V', ...last]],
  ])('is none where %s tells them apart', (_, lines) => {
    expect(twinsIn(lines)).toStrictEqual([])
  })

  it('is none where the values are the same, no variable is replaced, or one of them is not built', () => {
    expect(twinsIn([...one, 'RUN a', ...two, ...last], { 'build-args': 'V=3' })).toStrictEqual([])
    expect(
      twinsIn(['FROM x AS one', 'ARG V=1', 'CMD echo $V', 'RUN a', 'FROM x AS two', 'ARG V=2', 'CMD echo $V', ...last]),
    ).toStrictEqual([])
    expect(twinsIn([...one, 'RUN a', ...two])).toStrictEqual([])
    expect(twinsIn([...one, 'RUN a', ...two, ...last], { target: 'one' })).toStrictEqual([])
  })
})
