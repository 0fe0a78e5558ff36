import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import type { Env } from '../../../src/exec.js'
import { analysisOf, argumentsOf } from '../../../src/source/analysis.js'
import { inputsOf } from '../helpers.js'

describe('build arguments', () => {
  it.each<[lines: string, env: Env, given: Readonly<Record<string, string>>]>([
    ['A=1\nB=x=y', {}, { A: '1', B: 'x=y' }],
    ['A=\nB', { B: '' }, { A: '', B: '' }],
    ['A\nB', { B: '1' }, { B: '1' }],
    ['A=1\nA=2', {}, { A: '2' }],
    // Buildah takes the first one back, Buildx keeps it: neither of them gets it.
    ['A=1\nA', {}, {}],
    ['A\nA=1', {}, { A: '1' }],
    ['A=1\nA', { A: '2' }, { A: '2' }],
  ])('of %j with %j are %j', (lines, env, given) => {
    const inputs = inputsOf({ 'build-args': lines })
    expect(Object.fromEntries(argumentsOf(inputs, env))).toStrictEqual(given)
  })
})

describe('the base of a stage', () => {
  it.each<[args: string, env: Env | undefined, base: string | undefined]>([
    ['V=2', {}, 'a:2'],
    ['V', { V: '3' }, 'a:3'],
    ['V', {}, 'a:1'],
    // Who doesn't know the environment doesn't take the default.
    ['V', undefined, undefined],
    ['V=2', undefined, 'a:2'],
  ])('with %j and %j is %s', (args, env, base) => {
    const dockerfile = parseDockerfile('ARG V=1\nFROM a:$V')
    const [stage] = analysisOf(inputsOf({ 'build-args': args }), dockerfile, env).stages
    expect(stage && 'known' in stage.base ? stage.base.known.image : undefined).toBe(base)
  })

  it.each<[args: string, base: string | undefined]>([
    ['--build-arg=V=2', 'a:2'],
    ['--build-arg V=2', 'a:2'],
    ['--build-arg=W=2', 'a:1'],
    ['--label=V=2', 'a:1'],
  ])('with %s among the extra arguments is %s', (args, base) => {
    const inputs = inputsOf({ 'build-args': 'V=1', 'extra-args': args })
    const [stage] = analysisOf(inputs, parseDockerfile('ARG V\nFROM a:$V'), {}).stages
    expect(stage?.base).toMatchObject({ known: { image: base } })
  })

  it('is that of the platform, and not known for several', () => {
    const dockerfile = parseDockerfile('FROM a AS x-s390x\nFROM $BUILDOS\nFROM x-$TARGETARCH')
    const baseFor = (platforms: string) => analysisOf(inputsOf({ platforms }), dockerfile, {}).stages[2]?.base
    expect(baseFor('linux/s390x')).toMatchObject({ known: { name: 'x-s390x' }, stages: [0] })
    expect(baseFor('linux/s390x,linux/riscv64')).toMatchObject({
      unknown: 'what FROM x-$TARGETARCH names',
      stages: [0],
    })
  })
})
