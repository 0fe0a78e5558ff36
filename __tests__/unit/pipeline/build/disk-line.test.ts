import { describe, expect, it } from '@jest/globals'
import { withDiskLine } from '../../../../src/pipeline/build/disk-line.js'
import { logOf, temporaryFolder } from '../../helpers.js'

/** A disk that has so much free each time that somebody looks; undefined where the folder isn't there. */
const disk =
  (...free: readonly (number | undefined)[]) =>
  (index = { value: 0 }) =>
  async () => {
    const bytes = free[index.value++]
    if (bytes === undefined) throw new Error('ENOENT')
    return await Promise.resolve(bytes)
  }

describe('the disk', () => {
  it.each([
    [[14_200_000_000, 11_100_000_000], 'Disk: 14.2 GB free\nDisk: the build took 3.1 GB; 11.1 GB free\n'],
    [[1_000_000, 3_000_000], 'Disk: 1.0 MB free\nDisk: 2.0 MB more than before the build; 3.0 MB free\n'],
    // The storage isn't there yet, and the folder above it is.
    [[undefined, 2_000_000, 1_000_000], 'Disk: 2.0 MB free\nDisk: the build took 1.0 MB; 1.0 MB free\n'],
    [[undefined, undefined, undefined, undefined], ''],
  ])('with %j', async (free, expected) => {
    expect(await logOf(() => withDiskLine('/a/b', () => Promise.resolve(), disk(...free)()))).toBe(expected)
  })

  it('is told of a build that fails too', async () => {
    const log = await logOf(async () => {
      await withDiskLine('/a', () => Promise.reject(new Error('broken')), disk(2_000_000, 0)()).catch(() => undefined)
    })
    expect(log).toContain('Disk: the build took 2.0 MB; ')
  })

  it('is a real one', async () => {
    expect(await logOf(() => withDiskLine(`${temporaryFolder()}/later`, () => Promise.resolve()))).toMatch(
      /^Disk: [\d.]+ [kMGT]?B free\n/,
    )
  })
})
