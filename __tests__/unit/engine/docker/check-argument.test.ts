import { describe, expect, it } from '@jest/globals'
import { checkArgument, printsChecks } from '../../../../src/engine/docker/check-argument.js'
import { inputsOf } from '../../helpers.js'

describe('the checks of BuildKit', () => {
  it.each<[Record<string, string>, string, string | undefined]>([
    [{}, 'skip=A', undefined],
    [{ checks: 'off' }, 'skip=A;error=true', 'skip=all'],
    [{ checks: 'error' }, '', 'error=true'],
    [{ checks: 'error' }, 'skip=A, B;error=false', 'skip=A,B;error=true'],
    [{ checks: 'error', 'build-args': 'BUILDKIT_DOCKERFILE_CHECK=skip=C' }, 'skip=A', undefined],
  ])('with %j and %j are told %j', (inputs, directive, expected) => {
    const argument = checkArgument(inputsOf(inputs), directive)
    expect(argument).toBe(expected && `BUILDKIT_DOCKERFILE_CHECK=${expected}`)
  })

  it('are those of the builder from 0.14 on', () => {
    const prints = (buildkit: string | undefined) => printsChecks({ buildkit })
    expect(['v0.13.2', '0.14.0', '0.34.2', '0.0.0+unknown', undefined].map(prints)).toStrictEqual([
      ...[false, true, true, true, true],
    ])
  })
})
