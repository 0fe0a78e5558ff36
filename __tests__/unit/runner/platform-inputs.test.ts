import { describe, expect, it } from '@jest/globals'
import { parsePlatform, type Platform } from '../../../src/lib/platform.js'
import { isOwn } from '../../../src/runner/platform-inputs.js'

const platformOf = (text: string): Platform => {
  const platform = parsePlatform(text)
  if (platform === undefined) throw new Error(`${text} is no platform`)
  return platform
}

describe('isOwn', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/386', 'linux/amd64', true],
    ['linux/arm64', 'linux/amd64', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/arm64', 'linux/arm64', true],
    // Many of these processors have no 32 bits any more.
    ['linux/arm/v7', 'linux/arm64', false],
    ['linux/arm/v6', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['linux/amd64/v3', 'linux/amd64', false],
  ])('%s on a machine of %s: %s', (platform, machine, expected) => {
    expect(isOwn(platformOf(platform), platformOf(machine))).toBe(expected)
  })
})
