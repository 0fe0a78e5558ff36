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

it.each<[platform: string, target: Readonly<Record<string, string | undefined>>]>([
  ['linux/amd64', { PLATFORM: 'linux/amd64', OS: 'linux', ARCH: 'amd64', VARIANT: '' }],
  ['linux/arm64', { PLATFORM: 'linux/arm64', OS: 'linux', ARCH: 'arm64', VARIANT: undefined }],
  ['linux/arm', { PLATFORM: undefined, OS: 'linux', ARCH: 'arm', VARIANT: undefined }],
])('what engines declare on %s', (platform, target) => {
  const all = ['TARGET', 'BUILD'].flatMap((side) =>
    Object.entries(target).map(([name, value]) => [side + name, value] as const),
  )
  expect([...platformArguments(platform)]).toStrictEqual(all)
})
