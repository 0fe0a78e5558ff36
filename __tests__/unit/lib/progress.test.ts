import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { countBlobs, pushedSoFar } from '../../../src/engine/buildah/push/push-progress.js'
import { renderProgress, withProgress } from '../../../src/lib/progress.js'
import { printGroup, info, result, warn } from '../../../src/log.js'
import { shown } from '../../../src/pipeline/phases.js'
import { startTimeline } from '../../../src/report/timeline.js'
import { logOf } from '../helpers.js'

/** Something that takes so long by the clock of the test. */
const taking = async (seconds: number) => {
  const over = new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  await jest.advanceTimersByTimeAsync(seconds * 1000)
  await over
}

describe('renderHeadway', () => {
  const megabyte = 1_000_000

  it.each([
    [120 * megabyte, 419 * megabyte, 3.2, 'Cache: 120.0 MB of 419.0 MB, 37.5 MB/s, 8 s left'],
    [0, 419 * megabyte, 15, 'Cache: 0 B of 419.0 MB, 15 s so far'],
    [419 * megabyte, 419 * megabyte, 10, 'Cache: 419.0 MB of 419.0 MB, 41.9 MB/s, 0 s left'],
    // Archives are a little larger than what is in them.
    [420 * megabyte, 419 * megabyte, 10, 'Cache: 420.0 MB of 419.0 MB, 42.0 MB/s, 0 s left'],
    [1, 2, 0, 'Cache: 0 B of 2 B, 0 s so far'],
  ])('%d of %d bytes in %d s: %s', (done, total, seconds, expected) => {
    expect(renderProgress({ what: 'Cache', done, total, seconds })).toBe(expected)
  })
})

describe('in the course of time,', () => {
  beforeEach(() => {
    jest.useFakeTimers()
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  it('withHeadway says a line every 15 seconds, and none behind the end', async () => {
    const work = () =>
      withProgress(
        (seconds) => `${seconds} s`,
        () => taking(46),
      )
    expect(await logOf(work)).toBe('15 s\n30 s\n45 s\n')
    expect(await logOf(() => taking(60))).toBe('')
  })

  it('withHeadway is silent where nothing takes long, and where no line can be told', async () => {
    expect(
      await logOf(() =>
        withProgress(
          () => 'x',
          () => taking(14.9),
        ),
      ),
    ).toBe('')
    const broken = () => Promise.reject(new Error('gone'))
    expect(await logOf(() => withProgress(broken, () => taking(20)))).toBe('')
  })

  it('withHeadway hands on what comes of the work, and ends with it', async () => {
    const log = await logOf(async () => {
      expect(
        await withProgress(
          () => 'x',
          () => Promise.resolve(5),
        ),
      ).toBe(5)
      await expect(
        withProgress(
          () => 'x',
          () => Promise.reject(new Error('no')),
        ),
      ).rejects.toThrow('no')
      await taking(30)
    })
    expect(log).toBe('')
  })

  const group = (seconds: number) =>
    logOf(async () => {
      const work = async () => {
        info('one')
        await taking(seconds)
        info('::error::two')
        return 'done'
      }
      expect(await printGroup(() => 'Restore: 3.2 s', work)).toBe('done')
    })

  it('a short phase is a group with its time in the title', async () => {
    expect(await group(14)).toBe('::group::Restore: 3.2 s\none\n> ::error::two\n::endgroup::\n')
  })

  it('a long phase shows its lines as they come, and its time behind them', async () => {
    expect(await group(16)).toBe('one\n> ::error::two\nRestore: 3.2 s\n')
  })

  it('what a phase has come to stands behind its group', async () => {
    const work = (seconds: number) => async () => {
      result('restored ::error::3')
      info('held')
      await taking(seconds)
    }
    const shown = (seconds: number) => logOf(() => printGroup(() => 'Restore: 3.2 s', work(seconds)))
    expect(await shown(1)).toBe('::group::Restore: 3.2 s\nheld\n::endgroup::\nrestored ::error::3\n')
    expect(await shown(16)).toBe('held\nrestored ::error::3\nRestore: 3.2 s\n')
    const forged = () => {
      result('::debug::x')
      return Promise.resolve()
    }
    expect(await logOf(() => printGroup(() => 'Push: 0.1 s', forged))).toBe('Push: 0.1 s\n> ::debug::x\n')
  })

  it('a phase that says nothing is one line, and one that fails shows what it said', async () => {
    expect(
      await logOf(() =>
        printGroup(
          () => 'Push: 0.1 s',
          () => taking(1),
        ),
      ),
    ).toBe('Push: 0.1 s\n')
    const log = await logOf(async () => {
      const work = () => {
        info('before')
        return Promise.reject(new Error('no'))
      }
      await expect(printGroup(() => 'Push: 0.1 s', work)).rejects.toThrow('no')
      await taking(60)
    })
    expect(log).toBe('::group::Push: 0.1 s\nbefore\n::endgroup::\n')
  })

  it('warnings and what others say do not wait', async () => {
    const log = await logOf(async () => {
      const phase = printGroup(
        () => 'Setup: 1.0 s',
        async () => {
          info('held')
          warn('seen')
          await taking(1)
        },
      )
      info('beside')
      await phase
    })
    expect(log).toBe('::warning::seen\nbeside\n::group::Setup: 1.0 s\nheld\n::endgroup::\n')
  })

  it('what is left running when a phase is over prints by itself', async () => {
    const log = await logOf(async () => {
      await printGroup(
        () => 'Setup: 1.0 s',
        () => {
          setTimeout(() => {
            info('late')
          }, 100)
          return Promise.resolve()
        },
      )
      await taking(1)
    })
    expect(log).toBe('Setup: 1.0 s\nlate\n')
  })

  it('phases are groups, and the build has its time behind it', async () => {
    const log = await logOf(async () => {
      const timeline = shown(startTimeline(Date.now))
      await timeline.during('restore', async () => {
        info('came back')
        await taking(3.2)
      })
      await timeline.during('build', async () => {
        info('building')
        await taking(1.5)
      })
      expect(timeline.phases().map(({ name, seconds }) => [name, seconds])).toStrictEqual([
        ['restore', 3.2],
        ['build', 1.5],
      ])
    })
    expect(log).toBe('::group::Restore: 3.2 s\ncame back\n::endgroup::\nbuilding\nBuild: 1.5 s\n')
  })
})

describe('the progress of a push', () => {
  it('is counted by the layers that Buildah names, in whatever chunks', () => {
    const seen = countBlobs()
    const digests = ['a', 'b', 'a'].map((letter) => `sha256:${letter.repeat(64)}`)
    const text = `Getting image source signatures\n${digests.map((digest) => `Copying blob ${digest}\n`).join('')}Copying config sha256:${'c'.repeat(64)}\n`
    for (const byte of Buffer.from(text)) seen.add(Buffer.from([byte]))
    expect(seen.count()).toBe(2)
  })

  it.each([
    [{ layers: 2, bytes: 419_000_000 }, '1 of 2 layers started, 419.0 MB in total, uncompressed; 15 s so far'],
    [{ layers: 2, bytes: undefined }, '1 of 2 layers started; 15 s so far'],
    [undefined, '1 layer started; 15 s so far'],
  ])('of %j is %s', (size, expected) => {
    expect(pushedSoFar({ size }, 1, 15.2)).toBe(expected)
  })
})
