import { expect, it } from '@jest/globals'
import { hasOwnTimes, setsOwnTimes } from '../../../../src/cache/containers-storage/own-times.js'
import { temporaryFolder } from '../../helpers.js'

it.each([
  ['ext4', 0xef53, true],
  ['Btrfs', 0x9123683e, true],
  ['tmpfs', 0x01021994, true],
  ['FUSE', 0x65735546, false],
  ['NFS', 0x6969, false],
  ['SMB', 0xfe534d42, false],
  ['9p', 0x01021997, false],
])('of %s (%d), the kernel sets the times of files: %s', (_, type, isOwn) => {
  expect(setsOwnTimes(type)).toBe(isOwn)
})

it('is so where the tests run', async () => {
  await expect(hasOwnTimes(temporaryFolder())).resolves.toBe(true)
  await expect(hasOwnTimes('/proc')).resolves.toBe(false)
})
