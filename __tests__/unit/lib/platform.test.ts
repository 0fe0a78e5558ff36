import { expect, it } from '@jest/globals'
import { platformArguments } from '../../../src/lib/platform.js'

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
