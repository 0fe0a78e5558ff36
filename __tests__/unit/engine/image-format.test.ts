import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { describe as describeError } from '../../../src/errors.js'
import { chooseFormat, dockerOnlyIn, dockerOnlyOf } from '../../../src/engine/image-format.js'
import { refusal } from '../helpers.js'

const plain = dockerOnlyOf(parseDockerfile('FROM a\nRUN x'))
const healthy = dockerOnlyOf(parseDockerfile('FROM a\nRUN x\nHEALTHCHECK CMD x\nSHELL ["y"]'))
const inherited = { keyword: 'SHELL', origin: 'of the base image a' }

describe('chooseFormat', () => {
  it.each([
    ['auto', plain, 'oci', undefined],
    ['auto', healthy, 'docker', 'docker, to keep HEALTHCHECK in line 3 of the Dockerfile'],
    ['auto', inherited, 'docker', 'docker, to keep SHELL of the base image a'],
    ['oci', inherited, 'oci', undefined],
    ['oci', plain, 'oci', undefined],
    ['oci', healthy, 'oci', undefined],
    ['docker', plain, 'docker', undefined],
    ['docker', healthy, 'docker', undefined],
  ] as const)('%s', (wish, only, format, reason) => {
    expect(chooseFormat(wish, only, undefined)).toStrictEqual({ format, reason })
  })

  it.each([
    ['auto', plain],
    ['oci', plain],
    ['oci', healthy],
  ] as const)('%s with annotations is oci', (wish, only) => {
    expect(chooseFormat(wish, only, 'annotations')).toStrictEqual({ format: 'oci', reason: undefined })
  })

  it.each([
    [
      'docker',
      plain,
      'Input "annotations" can\'t be honoured: the format is docker because of the input "format", and only oci has annotations.\n' +
        'Write `format: oci`.',
    ],
    [
      'docker',
      healthy,
      'Input "annotations" can\'t be honoured: the format is docker because of the input "format", and only oci has annotations.\n' +
        'Write `format: oci` (HEALTHCHECK is dropped then), or use labels.',
    ],
    [
      'auto',
      healthy,
      'Input "annotations" can\'t be honoured: the format is docker because of HEALTHCHECK in line 3 of the Dockerfile, and only oci has annotations.\n' +
        'Write `format: oci` (HEALTHCHECK is dropped then), or use labels.',
    ],
  ] as const)('%s with annotations is refused where it can’t be oci', (wish, only, text) => {
    expect(describeError(refusal(() => chooseFormat(wish, only, 'annotations')))).toBe(text)
  })

  it('says which input needs it', () => {
    const text = describeError(refusal(() => chooseFormat('auto', healthy, 'timestamp')))
    expect(text).toMatch(/^Input "timestamp" can't be honoured: .*, and only oci gives the same image again\.\n/)
    expect(text).toContain('or leave "timestamp" out.')
  })
})

describe('dockerOnlyIn', () => {
  it.each([
    [{ Healthcheck: { Test: ['CMD', 'true'] } }, 'HEALTHCHECK'],
    [{ Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 1 }, Shell: ['/bin/bash', '-c'] }, 'HEALTHCHECK'],
    [{ Shell: ['/bin/bash', '-o', 'pipefail', '-c'] }, 'SHELL'],
    [{ Shell: ['/bin/sh', '-ec'] }, 'SHELL'],
    [{ OnBuild: ['COPY . /app', 'healthcheck CMD true'] }, 'HEALTHCHECK'],
    [{ OnBuild: ['SHELL ["/bin/bash", "-c"]'] }, 'SHELL'],
  ])('finds in %j what OCI drops', (config, expected) => {
    expect(dockerOnlyIn({ architecture: 'amd64', config })).toBe(expected)
  })

  it.each([
    {},
    { Healthcheck: null, Shell: null, OnBuild: null },
    { Healthcheck: { Test: ['NONE'] }, Shell: ['/bin/sh', '-c'], OnBuild: [] },
    { Healthcheck: { Test: [] }, Shell: [] },
    // Triggers are done with when they have run.
    { OnBuild: ['RUN make', 'COPY shell /bin', 'ENV SHELL=/bin/bash'] },
    { Env: ['SHELL=/bin/bash'], Cmd: ['HEALTHCHECK'] },
  ])('finds nothing in %j', (config) => {
    expect(dockerOnlyIn({ config })).toBeUndefined()
  })

  it.each([{}, { config: [] }, { Healthcheck: { Test: ['CMD', 'true'] } }])(
    'finds nothing in what is none: %j',
    (all) => {
      expect(dockerOnlyIn(all)).toBeUndefined()
    },
  )
})
