import { describe, expect, it } from '@jest/globals'
import {
  formatPlatform,
  nativePlatform,
  parsePlatform,
  parsePlatforms,
  platformArguments,
} from '../../../src/lib/platform.js'

/** As containerd's platforms package has it: its Parse, then its Normalize. */
it.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/x86-64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['amd64', 'linux/amd64'],
  ['aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm64/9', 'linux/arm64/v9'],
  ['Linux/ARM64', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['arm', 'linux/arm/v7'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armhf/v6', 'linux/arm/v7'],
  ['armel', 'linux/arm/v6'],
  ['linux/i386', 'linux/386'],
  ['linux/ppc64le', 'linux/ppc64le'],
  ['linux/s390x', 'linux/s390x'],
  ['linux/riscv64', 'linux/riscv64'],
  ['macos/arm64', 'darwin/arm64'],
  ['wasi/wasm', 'wasi/wasm'],
  [' linux/386 ', 'linux/386'],
  ['linux', formatPlatform(nativePlatform())],
])('%s is %s', (text, expected) => {
  const platform = parsePlatform(text)
  expect(platform && formatPlatform(platform)).toBe(expected)
})

it.each([
  '',
  'linux/',
  '/amd64',
  'linux/amd46',
  'linus/amd64',
  'linux/arm/v7/x',
  '*',
  'linux/amd64 x',
  'windows(10)/amd64',
])('%s is no platform', (text) => {
  expect(parsePlatform(text)).toBeUndefined()
})

describe('a list', () => {
  it('keeps its order, and each once', () => {
    const platforms = parsePlatforms(['linux/arm64, linux/amd64,', 'linux/arm64/v8', '', 'linux/arm/v6'])
    expect(platforms).toStrictEqual([
      { os: 'linux', architecture: 'arm64' },
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm', variant: 'v6' },
    ])
  })

  it('fails for what is none', () => {
    expect(() => parsePlatforms(['linux/amd64,linux/amr64'])).toThrow(
      'Input "platforms": "linux/amr64" is not a platform.',
    )
  })
})

describe('what engines declare', () => {
  const amd64 = { os: 'linux', architecture: 'amd64' }
  const arm64 = { os: 'linux', architecture: 'arm64' }
  const armV7 = { os: 'linux', architecture: 'arm', variant: 'v7' }

  it.each([
    ['amd64', amd64, { PLATFORM: 'linux/amd64', OS: 'linux', ARCH: 'amd64', VARIANT: '' }],
    ['arm64', arm64, { PLATFORM: 'linux/arm64', OS: 'linux', ARCH: 'arm64', VARIANT: undefined }],
    ['arm', armV7, { PLATFORM: undefined, OS: 'linux', ARCH: 'arm', VARIANT: undefined }],
  ])('on a machine of its own: %s', (_, platform, target) => {
    const all = ['TARGET', 'BUILD'].flatMap((side) =>
      Object.entries(target).map(([name, value]) => [side + name, value] as const),
    )
    expect([...platformArguments([], platform)]).toStrictEqual(all)
    expect([...platformArguments([platform], platform)]).toStrictEqual(all)
  })

  it('for another platform than the machine’s', () => {
    expect(Object.fromEntries(platformArguments([armV7], amd64))).toStrictEqual({
      ...{ TARGETPLATFORM: 'linux/arm/v7', TARGETOS: 'linux', TARGETARCH: 'arm', TARGETVARIANT: 'v7' },
      ...{ BUILDPLATFORM: 'linux/amd64', BUILDOS: 'linux', BUILDARCH: 'amd64', BUILDVARIANT: '' },
    })
  })

  it('for several: what they have in common', () => {
    const { TARGETPLATFORM, TARGETOS, TARGETARCH, BUILDPLATFORM } = Object.fromEntries(
      platformArguments([amd64, armV7], amd64),
    )
    expect([TARGETPLATFORM, TARGETOS, TARGETARCH, BUILDPLATFORM]).toStrictEqual([
      undefined,
      'linux',
      undefined,
      'linux/amd64',
    ])
  })
})
