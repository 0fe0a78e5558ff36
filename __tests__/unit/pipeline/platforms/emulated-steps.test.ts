import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import { nativePlatform, type Platform } from '../../../../src/lib/platform.js'
import { hasEmulatedSteps } from '../../../../src/pipeline/platforms/emulated-steps.js'
import { inputsOf } from '../../helpers.js'

const foreign = { os: 'linux', architecture: 's390x' } as const

it.each([
  ['COPY a /', '', false],
  ['RUN make', '', true],
  ['COPY a /', 'web --version', true],
])('an image of %j, tested by %j, has emulated steps: %s', (line, test, expected) => {
  const dockerfile = parseDockerfile(`FROM scratch\n${line}\n`)
  const wanted = {
    inputs: inputsOf({ test }),
    source: { context: '/c', file: '/c/Dockerfile', dockerfile, target: undefined },
  }
  const engine = { emulates: ({ architecture }: Platform) => architecture === foreign.architecture }
  expect(hasEmulatedSteps(wanted, foreign, engine)).toBe(expected)
  expect(hasEmulatedSteps(wanted, nativePlatform(), engine)).toBe(false)
})
