import { describe, expect, it } from '@jest/globals'
import { findTarget, firstDockerOnly, parseDockerfile, stepsOf } from '../../../src/dockerfile/dockerfile.js'

const instruction = (keyword: string, line: number, argument: string, more = {}) => ({
  keyword,
  line,
  flags: [],
  argument,
  heredoc: false,
  ...more,
})

/** The steps of a Dockerfile as `line KEYWORD`. */
const outline = (text: string) => stepsOf(parseDockerfile(text)).map(({ keyword, line }) => `${line} ${keyword}`)
const stages = (text: string) => parseDockerfile(text).stages.map(({ name, base, line }) => [line, base, name])

describe('parseDockerfile', () => {
  it('gives globals, stages and instructions with their lines and flags', () => {
    const text = [
      '# syntax=docker/dockerfile:1',
      'ARG VERSION=3.20',
      '# a comment',
      'ARG BASE',
      'FROM --platform=$BUILDPLATFORM alpine:${VERSION} AS build',
      'RUN --mount=type=cache,target=/c --network=none make all',
      'copy --link --chown=1:1 a b',
      '',
      'FROM scratch',
      'COPY --from=build /out /',
    ].join('\n')
    expect(parseDockerfile(text)).toStrictEqual({
      globals: [instruction('ARG', 2, 'VERSION=3.20'), instruction('ARG', 4, 'BASE')],
      stages: [
        {
          name: 'build',
          base: 'alpine:${VERSION}',
          flags: [{ name: 'platform', value: '$BUILDPLATFORM' }],
          line: 5,
          instructions: [
            instruction('RUN', 6, 'make all', {
              flags: [
                { name: 'mount', value: 'type=cache,target=/c' },
                { name: 'network', value: 'none' },
              ],
            }),
            instruction('COPY', 7, 'a b', {
              flags: [
                { name: 'link', value: '' },
                { name: 'chown', value: '1:1' },
              ],
            }),
          ],
        },
        {
          name: undefined,
          base: 'scratch',
          flags: [],
          line: 9,
          instructions: [instruction('COPY', 10, '/out /', { flags: [{ name: 'from', value: 'build' }] })],
        },
      ],
    })
  })

  it.each([
    ['a byte order mark', '\uFEFFFROM alpine AS one\n', [[1, 'alpine', 'one']]],
    [
      'CRLF',
      'FROM alpine AS one\r\nRUN x\r\nFROM one\r\n',
      [
        [1, 'alpine', 'one'],
        [3, 'one', undefined],
      ],
    ],
    ['no newline at the end', 'FROM alpine AS one', [[1, 'alpine', 'one']]],
    ['lower case', 'from alpine as One', [[1, 'alpine', 'One']]],
    [
      'tabs and indents',
      '\tFROM\talpine\tAS\tone\n  FROM  one ',
      [
        [1, 'alpine', 'one'],
        [2, 'one', undefined],
      ],
    ],
    ['a digest', 'FROM alpine@sha256:abc AS one', [[1, 'alpine@sha256:abc', 'one']]],
    ['comments above', '# a\n\n# b\nFROM alpine', [[4, 'alpine', undefined]]],
    ['a FROM over two lines', 'FROM alpine \\\n  AS one\nRUN x', [[1, 'alpine', 'one']]],
    ['a FROM over two lines with CRLF', 'FROM alpine \\\r\n  AS one\r\nRUN x', [[1, 'alpine', 'one']]],
    ['a comment within a FROM', 'FROM alpine \\\n# which one\n  AS one\nRUN x', [[1, 'alpine', 'one']]],
    ['another escape character', '# escape=`\nFROM alpine `\n  AS one', [[2, 'alpine', 'one']]],
    [
      'a backslash that escapes nothing',
      '# escape=`\nFROM alpine AS one\\\nFROM two',
      [
        [2, 'alpine', 'one\\'],
        [3, 'two', undefined],
      ],
    ],
    [
      'FROM within a heredoc',
      'FROM a\nRUN <<EOF\nFROM b AS c\nEOF\nFROM d',
      [
        [1, 'a', undefined],
        [5, 'd', undefined],
      ],
    ],
    [
      'FROM within a continued RUN',
      'FROM a\nRUN echo \\\n  FROM b\nFROM d',
      [
        [1, 'a', undefined],
        [4, 'd', undefined],
      ],
    ],
    ['FROM within ONBUILD', 'FROM a\nONBUILD RUN FROM', [[1, 'a', undefined]]],
    ['nothing at all', '', []],
    ['no FROM', 'RUN x\nCOPY a b', []],
    ['nonsense', 'hello\n\0\nFROM\n', [[3, '', undefined]]],
  ])('stages: %s', (_, text, expected) => {
    expect(stages(text)).toStrictEqual(expected)
  })

  it.each([
    [
      'comments and empty lines within a step',
      'FROM a\nRUN x \\\n# comment\n\n  && y \\\n  # another\n && z\nENV A=1',
      ['2 RUN', '8 ENV'],
    ],
    [
      'heredocs',
      'FROM a\nRUN <<EOF\nENV B=1\nEOF\nCOPY <<A <<"B" /d/\nUSER x\nA\nSHELL y\nB\nCMD z',
      ['2 RUN', '5 COPY', '10 CMD'],
    ],
    ['a heredoc that is indented', 'FROM a\nRUN <<-EOF\n\tENV B=1\n\tEOF\nCMD z', ['2 RUN', '5 CMD']],
    ['ONBUILD', 'FROM a\nONBUILD COPY --link a b\nonbuild run x', ['2 ONBUILD', '3 ONBUILD']],
  ])('steps: %s', (_, text, expected) => {
    expect(outline(text)).toStrictEqual(expected)
  })

  it.each([
    ['RUN <<EOF\nx\nEOF', true],
    ['RUN cat <<EOF >/f\nx\nEOF', true],
    ['COPY <<EOF /f\nx\nEOF', true],
    ['ADD <<EOF /f\nx\nEOF', true],
    ['RUN echo "a" && b', false],
    ['RUN cat < f', false],
    ['COPY a b', false],
    ['ENV A=1', false],
  ])('heredoc: %j %s', (step, expected) => {
    expect(stepsOf(parseDockerfile(`FROM a\n${step}`)).map(({ heredoc }) => heredoc)).toStrictEqual([expected])
  })

  it('gives the text of heredocs behind the argument', () => {
    const text = 'FROM a\nCOPY --link <<A \\\n  <<-B /d/\n x \\\n# y\nA\n\tB\nUSER z'
    expect(stepsOf(parseDockerfile(text))).toStrictEqual([
      instruction('COPY', 2, '<<A   <<-B /d/\n x \\\n# y\nA\n\tB', {
        flags: [{ name: 'link', value: '' }],
        heredoc: true,
      }),
      instruction('USER', 8, 'z'),
    ])
  })

  it('reads on behind a heredoc without an end: a Buildah that knows none does so, others refuse the file', () => {
    const steps = stepsOf(parseDockerfile('FROM a\nRUN echo $(( 1 << 2 ))\nUSER z\nRUN <<EOF\nEOF'))
    expect(steps.map(({ keyword, heredoc }) => [keyword, heredoc])).toStrictEqual([
      ['RUN', false],
      ['USER', false],
      ['RUN', false],
      ['EOF', false],
    ])
  })

  it('joins the lines of an argument', () => {
    const [run] = stepsOf(parseDockerfile('FROM a\nRUN --mount=type=bind,target=/x \\\n  make \\\n  all'))
    expect(run?.flags).toStrictEqual([{ name: 'mount', value: 'type=bind,target=/x' }])
    expect(run?.argument.split(/\s+/)).toStrictEqual(['make', 'all'])
  })
})

describe('firstDockerOnly', () => {
  it.each([
    ['FROM a\nRUN x', undefined],
    ['FROM a\nHEALTHCHECK CMD x', '2 HEALTHCHECK'],
    ['FROM a\nRUN x\nshell ["/bin/bash", "-c"]\nHEALTHCHECK NONE', '3 SHELL'],
    ['FROM a\nONBUILD RUN x', '2 ONBUILD'],
    ['FROM a AS b\nSHELL ["x"]\nFROM b', '2 SHELL'],
    ['FROM a\nRUN <<EOF\nSHELL x\nEOF', undefined],
    ['FROM a\n# HEALTHCHECK CMD x', undefined],
    ['FROM a\nRUN python3 -c "print(1 << 2)"\nHEALTHCHECK CMD x', '3 HEALTHCHECK'],
    ['FROM a\nRUN let "x = 1 << 3"\nHEALTHCHECK CMD x', '3 HEALTHCHECK'],
    ['FROM a\nRUN cat 0<<EOF\nSHELL x\nEOF\nHEALTHCHECK CMD x', '5 HEALTHCHECK'],
    ['FROM a\n\u3000HEALTHCHECK CMD x', '2 HEALTHCHECK'],
    ['FROM a\nRUN echo HEALTHCHECK', undefined],
  ])('%j: %s', (text, expected) => {
    const found = firstDockerOnly(parseDockerfile(text))
    expect(found && `${found.line} ${found.keyword}`).toBe(expected)
  })
})

describe('findTarget', () => {
  const dockerfile = parseDockerfile('FROM a AS Build\nFROM b\nFROM c AS build-2\nFROM d AS BUILD-2\nFROM e AS 7')

  it.each([
    // a name in the Dockerfile's own spelling
    ['Build', 'Build'],
    ['build', 'Build'],
    ['BUILD', 'Build'],
    ['build-2', 'build-2'],
    ['BUILD-2', 'BUILD-2'],
    ['Build-2', 'build-2'],
    // a number
    ['0', 'Build'],
    ['1', '1'],
    ['4', '7'],
    ['7', '7'],
    // none
    ['5', undefined],
    ['-1', undefined],
    ['1.0', undefined],
    ['+1', undefined],
    ['', undefined],
    ['buil', undefined],
    ['b', undefined],
    ['Build ', undefined],
    ['toString', undefined],
  ])('%j is %j', (target, expected) => {
    expect(findTarget(dockerfile, target)).toBe(expected)
  })
})
