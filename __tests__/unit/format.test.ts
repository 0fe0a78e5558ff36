import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { describe as describeError } from '../../src/errors.js'
import { chooseFormat } from '../../src/image/format.js'
import { refusal } from './helpers.js'

const plain = parseDockerfile('FROM a\nRUN x')
const healthy = parseDockerfile('FROM a\nRUN x\nHEALTHCHECK CMD x\nSHELL ["y"]')

describe('chooseFormat', () => {
  it.each([
    ['auto', plain, 'oci', undefined],
    ['auto', healthy, 'docker', 'docker, to keep HEALTHCHECK in line 3 of the Dockerfile'],
    ['oci', plain, 'oci', undefined],
    ['oci', healthy, 'oci', undefined],
    ['docker', plain, 'docker', undefined],
    ['docker', healthy, 'docker', undefined],
  ] as const)('%s', (wish, dockerfile, format, reason) => {
    expect(chooseFormat(wish, dockerfile, false)).toStrictEqual({ format, reason })
  })

  it.each([
    ['auto', plain],
    ['oci', plain],
    ['oci', healthy],
  ] as const)('%s with annotations is oci', (wish, dockerfile) => {
    expect(chooseFormat(wish, dockerfile, true)).toStrictEqual({ format: 'oci', reason: undefined })
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
  ] as const)('%s with annotations is refused where it can’t be oci', (wish, dockerfile, text) => {
    expect(describeError(refusal(() => chooseFormat(wish, dockerfile, true)))).toBe(text)
  })
})
