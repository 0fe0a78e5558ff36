import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { nativePlatform } from '../../../src/lib/platform.js'
import { runsForeignPrograms } from '../../../src/pipeline/foreign-steps.js'
import { inputsOf } from '../helpers.js'

const foreign = { os: 'linux', architecture: 's390x' } as const

it.each([
  ['COPY a /', '', false],
  ['RUN make', '', true],
  ['COPY a /', 'web --version', true],
])('an image of %j, tested by %j, runs programs of another platform: %s', (line, test, expected) => {
  const dockerfile = parseDockerfile(`FROM scratch\n${line}\n`)
  const wanted = {
    inputs: inputsOf({ test }),
    source: { context: '/c', file: '/c/Dockerfile', dockerfile, target: undefined },
  }
  expect(runsForeignPrograms(wanted, foreign)).toBe(expected)
  expect(runsForeignPrograms(wanted, nativePlatform())).toBe(false)
})
