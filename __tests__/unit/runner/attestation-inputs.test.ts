import { describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { inputsOf, refusal } from '../helpers.js'

const env = { GITHUB_REPOSITORY: 'acme/web', GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '2' }
const RUN = 'https://github.com/acme/web/actions/runs/7/attempts/2'

describe('sbom', () => {
  const usual = { generator: 'docker.io/docker/buildkit-syft-scanner:stable-1', parameters: [], given: '' }
  it.each<[string, object | undefined]>([
    ['', undefined],
    ['False', undefined],
    ['true', usual],
    [
      'generator=ghcr.io/acme/scan',
      { ...usual, generator: 'ghcr.io/acme/scan:latest', given: 'generator=ghcr.io/acme/scan' },
    ],
    [
      'generator=acme/scan:1,"EXCLUDE=a,b"',
      {
        generator: 'docker.io/acme/scan:1',
        parameters: [{ name: 'EXCLUDE', value: 'a,b' }],
        given: 'generator=acme/scan:1,"EXCLUDE=a,b"',
      },
    ],
  ])('%j', (text, expected) => {
    expect(inputsOf({ sbom: text }).sbom).toStrictEqual(expected)
  })

  it.each([
    ['yes', 'got "yes". Allowed: true, false, or attributes'],
    ['generator=A B', 'Input "sbom": got "generator=A B".'],
    ['a-b=1', 'got "a-b". Attributes for the generator are names of variables'],
  ])('%j is refused', (text, expected) => {
    expect(describeError(refusal(() => inputsOf({ sbom: text })))).toContain(expected)
  })
})

describe('provenance', () => {
  const options = { mode: 'max', version: 'v1', builderId: RUN, inlineOnly: false, reproducible: false, given: '' }
  it.each<[string, object | undefined]>([
    ['', undefined],
    ['false', undefined],
    ['0', undefined],
    ['mode=min,disabled=true', undefined],
    ['true', options],
    ['1', options],
    ['mode=min', { ...options, mode: 'min', given: 'mode=min' }],
    ['disabled=false, mode=full', { ...options, given: 'mode=full' }],
    [
      'version=v0.2,"builder-id=https://b.example/a,b",inline-only=true,reproducible=1',
      {
        ...{ ...options, version: 'v0.2', builderId: 'https://b.example/a,b', inlineOnly: true, reproducible: true },
        given: 'version=v0.2,"builder-id=https://b.example/a,b",inline-only=true,reproducible=1',
      },
    ],
  ])('%j', (text, expected) => {
    expect(inputsOf({ provenance: text }, env).provenance).toStrictEqual(expected)
  })

  it('names no builder where there is no run', () => {
    expect(inputsOf({ provenance: 'true' }).provenance).toMatchObject({ builderId: '' })
  })

  it.each([
    ['yes', 'got "yes". Allowed: true, false, or attributes'],
    ['mode=most', 'got "mode=most". Allowed: min, max.'],
    ['version=v2', 'got "version=v2". Allowed: v1, v0.2.'],
    ['reproducible=perhaps', 'got "reproducible=perhaps". Allowed: true, false.'],
    ['mood=min', 'got "mood". Known attributes: mode, version, builder-id'],
    ['mode=min,mode=max', 'The attribute mode is given twice.'],
    ['mode="min', 'Input "provenance": got "mode=\\"min"'],
  ])('%j is refused', (text, expected) => {
    expect(describeError(refusal(() => inputsOf({ provenance: text })))).toContain(expected)
  })
})
