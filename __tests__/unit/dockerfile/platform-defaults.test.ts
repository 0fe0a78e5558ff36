import { describe, expect, it } from '@jest/globals'
import { withoutPlatformDefaults } from '../../../src/dockerfile/platform-defaults.js'
import { platformArguments } from '../../../src/lib/platform.js'

const machine = { os: 'linux', architecture: 'amd64' }
const arm = { os: 'linux', architecture: 'arm64' }
const given = (text: string, ...targets: (typeof machine)[]) =>
  withoutPlatformDefaults(text, platformArguments(targets, machine))

describe('an ARG with the value that a platform has anyhow', () => {
  it.each<[text: string, rewritten: string]>([
    ['ARG BUILDPLATFORM=linux/amd64\nFROM a', 'ARG BUILDPLATFORM\nFROM a'],
    ['FROM a\narg TARGETPLATFORM="linux/amd64"\nRUN true\n', 'FROM a\narg TARGETPLATFORM\nRUN true\n'],
    [`FROM a\r\nARG BUILDPLATFORM='linux/x86_64'\r\n`, 'FROM a\r\nARG BUILDPLATFORM\r\n'],
    [
      '# BUILDPLATFORM=linux/amd64\nARG A=1 BUILDPLATFORM=linux/amd64 \\\n  # a remark\n  B=2\nFROM a\nENV BUILDPLATFORM=linux/amd64',
      '# BUILDPLATFORM=linux/amd64\nARG A=1 BUILDPLATFORM \\\n  # a remark\n  B=2\nFROM a\nENV BUILDPLATFORM=linux/amd64',
    ],
    ['ARG TARGETPLATFORM=${BUILDPLATFORM}\nFROM a', 'ARG TARGETPLATFORM\nFROM a'],
    ['ARG BUILDPLATFORM=${BUILDPLATFORM:-linux/arm64}\nFROM a', 'ARG BUILDPLATFORM\nFROM a'],
    // One of them stays.
    [
      'ARG BUILDPLATFORM=linux/amd64\nARG TARGETPLATFORM=linux/arm64\nFROM a',
      'ARG BUILDPLATFORM\nARG TARGETPLATFORM=linux/arm64\nFROM a',
    ],
  ])('loses it: %j', (text, rewritten) => {
    expect(given(text)).toBe(rewritten)
  })

  it.each([
    'ARG BUILDPLATFORM\nFROM a',
    'ARG BUILDPLATFORM=\nFROM a',
    'ARG BUILDPLATFORM=linux/arm64\nFROM a',
    'ARG BUILDPLATFORM=${MACHINE}\nFROM a',
    'ARG BUILDPLATFORM=${MACHINE:-linux/amd64}\nFROM a',
    'ARG MY_BUILDPLATFORM=linux/amd64\nFROM a',
    'ARG TARGETARCH=amd64\nFROM a',
    'FROM a\nENV BUILDPLATFORM=linux/amd64\nRUN BUILDPLATFORM=linux/amd64 true',
  ])('is not %j', (text) => {
    expect(given(text)).toBeUndefined()
  })

  it('is that of the target, and none where there are several', () => {
    const text = 'ARG TARGETPLATFORM=linux/arm64\nFROM a'
    expect(given(text, arm)).toBe('ARG TARGETPLATFORM\nFROM a')
    expect(given(text, machine, arm)).toBeUndefined()
  })
})
