import { describe, expect, it } from '@jest/globals'
import { parseCheckOptions, readCheckDirectives } from '../../../src/dockerfile/check-directives.js'
import { check, type Checked } from '../../../src/dockerfile/checks.js'
import { findTarget, targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { openLines } from '../../../src/dockerfile/lines.js'
import { usedVariables } from '../../../src/dockerfile/used-variables.js'
import { ignoringBy } from '../../../src/pipeline/prepare/checks.js'
import { CHECK_BASE, CHECK_CASES, type CheckCase } from '../../harness/check-cases.js'
import { analysisOf } from '../helpers.js'

const BASES = new Map([
  ['BASE', { environment: ['PATH'], hasShell: false, triggers: [] }],
  [
    'SET',
    {
      environment: CHECK_BASE.Env.map((entry) => entry.split('=', 1)[0] ?? ''),
      hasShell: true,
      triggers: CHECK_BASE.OnBuild,
    },
  ],
])

function checked(asked: Omit<CheckCase, 'name' | 'found'>, bases = BASES): Checked {
  const { dockerfile: text, ignore, target, buildArgs = {} } = asked
  const analysis = analysisOf(text, { buildArgs })
  const stage = target === undefined ? undefined : findTarget(analysis.dockerfile, target)
  return check(analysis, {
    target: targetIndex(analysis.dockerfile, stage),
    directives: readCheckDirectives(text),
    escape: openLines(text, 'BuildKit').escape,
    ignoring: ignoringBy(ignore),
    bases,
  })
}

const named = ({ findings }: Checked) => [...new Set(findings.map(({ rule, line }) => `${rule}:${line}`))]

describe('checks find', () => {
  it.each(CHECK_CASES)('$name', (each) => {
    expect(named(checked(each))).toStrictEqual(each.found)
  })

  it('nothing that depends on a base image that isn’t known, and say which one that is', () => {
    const text = 'FROM a AS one\nENV X=$Y TOKEN=1\nFROM b\nCOPY --from=one / /\nCMD ["x"]\n'
    const { findings, undecided } = checked({ dockerfile: text }, new Map())
    expect(findings.map(({ rule }) => rule)).toStrictEqual(['SecretsUsedInArgOrEnv'])
    expect([...undecided]).toStrictEqual(['a'])
  })

  it.each([
    ['what FROM names isn’t known', 'ARG B\nFROM $B\nENV X=$Y\n', []],
    ['a further context takes the place of the image', 'FROM c\nENV X=$Y\n', ['c']],
    ['a name is a stage to BuildKit, and an image to Buildah', 'FROM BASE AS one\nFROM ONE\nENV X=$Y\n', []],
    ['a variable has a name that only the engine knows', 'FROM BASE\nARG A\nENV ${A}=1\nENV X=$Y\n', []],
  ])('nothing that depends on the base image where %s', (_, text, contexts) => {
    const analysis = analysisOf(text, { contexts })
    const directives = readCheckDirectives(text)
    const target = targetIndex(analysis.dockerfile, undefined)
    const scene = { target, directives, escape: '\\', ignoring: () => undefined, bases: BASES }
    expect(check(analysis, scene)).toStrictEqual({ findings: [], undecided: new Set() })
  })

  it('what they say, in a form that nothing in the Dockerfile can break', () => {
    const text = 'FROM BASE AS "a\u2028::error::"\nFROM BASE AS "a\u2028::error::"\nWORKDIR x\u202e\u0007y\nCMD x\n'
    expect(checked({ dockerfile: text }).findings).toStrictEqual([
      {
        rule: 'DuplicateStageName',
        line: 2,
        text: 'Stage name "\\"a\\u2028::error::\\"" is also that of the stage in line 1. Give one of them another name.',
      },
      {
        rule: 'WorkdirRelativePath',
        line: 3,
        text: 'WORKDIR "x\\u202e\\u0007y" is relative to a folder that only the base image knows. Write an absolute path.',
      },
      {
        rule: 'JSONArgsRecommended',
        line: 4,
        text: 'CMD in shell form runs behind a shell, which doesn\'t pass on signals such as that of `docker stop`. Write a JSON list: CMD ["program", "argument"].',
      },
    ])
  })
})

describe('options of checks', () => {
  it.each([
    ['skip=A, B ;error=true', ['A', 'B'], true],
    ['error=1', [], true],
    ['skip=all', ['all'], false],
    ['skip', [], false],
    ['', [], false],
    ['error=maybe;skip=A', ['A'], false],
  ])('%j', (text, skips, isError) => {
    expect(parseCheckOptions(text)).toStrictEqual({ skips: new Set(skips), isError })
  })

  it('of a build argument take the place of those of the Dockerfile', () => {
    const { file } = readCheckDirectives('# check=skip=A\nFROM x\n', 'error=true')
    expect(file).toStrictEqual({ skips: new Set(), isError: true })
  })
})

it('a text without end is read in the time that its length takes', () => {
  expect(usedVariables('${'.repeat(50_000), '\\')).toStrictEqual([])
  expect(usedVariables('$A'.repeat(50_000), '\\')).toStrictEqual(['A'])
})
