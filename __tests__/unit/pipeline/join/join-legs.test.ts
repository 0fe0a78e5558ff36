import { describe, expect, it } from '@jest/globals'
import type { Meeting } from '../../../../src/cache/meeting.js'
import { formatPlatform, parsePlatforms, type Platform } from '../../../../src/lib/platform.js'
import { parseReference, repositoryOf } from '../../../../src/metadata/reference.js'
import type { PushedPlatform } from '../../../../src/pipeline/push/image-index.js'
import { type Joined, joinLegs } from '../../../../src/pipeline/join/join-legs.js'
import { fakeMeeting } from '../../cache/fake-cache.js'
import { fakeClock } from '../../fake-clock.js'
import { logOf } from '../../helpers.js'
import { fakeRegistries } from '../../registry/fake-registries.js'

const BOTH = parsePlatforms(['linux/amd64,linux/arm64'])
const [AMD64, ARM64] = BOTH as [Platform, Platform]
const THREE = parsePlatforms(['linux/amd64,linux/arm64,linux/riscv64'])
const [, , RISCV64] = THREE as [Platform, Platform, Platform]
const references = ['h.example/acme/web:1', 'h.example/acme/web:2', 'h.example/acme/mirror:1'].map(parseReference)

interface LegOptions {
  readonly run?: string
  readonly attempt?: string
  readonly join?: string
  readonly hasNumbers?: boolean
  /** What this leg sees of the others' records. */
  readonly see?: (meeting: Meeting, now: () => number) => Meeting
  /** What it says that it has pushed. */
  readonly says?: (pushed: PushedPlatform) => PushedPlatform
}

/** A cache service and registries, which all legs have in common. */
function world(all = BOTH) {
  const entries = new Map<string, string>()
  const fake = fakeRegistries()
  const put: string[][] = []
  const waits: number[] = []

  async function leg(platform: Platform, options: LegOptions = {}): Promise<Joined> {
    const {
      run = '7',
      attempt = '1',
      join = 'abc',
      hasNumbers = true,
      see,
      says = (pushed: PushedPlatform) => pushed,
    } = options
    const clock = fakeClock()
    const meeting = fakeMeeting({ run, attempt, join, platforms: all.length }, entries)
    const pushed = ['h.example/acme/web', 'h.example/acme/mirror'].map((name) => {
      const reference = repositoryOf(parseReference(name))
      return { reference, digest: fake.putByDigest(reference, { ...platform, run, attempt }).digest }
    })
    const outcome: { joined?: Joined; error?: unknown } = {}
    await logOf(async () => {
      await joinLegs({ all, own: [platform] }, [says({ platform, pushed })], {
        ...{
          meeting: see === undefined ? meeting : see(meeting, () => clock.now()),
          registries: fake.registries,
          references,
          hasNumbers,
          isRerun: attempt !== '1',
          clock,
        },
        put(platforms) {
          put.push(platforms.map(({ platform, pushed }) => `${formatPlatform(platform)} ${pushed[0]?.digest ?? ''}`))
          return Promise.resolve({ pushed: [] })
        },
      }).then(
        (joined) => (outcome.joined = joined),
        (error: unknown) => (outcome.error = error),
      )
    })
    waits.push(clock.waits.reduce((sum, one) => sum + one, 0))
    if (outcome.joined === undefined) throw outcome.error as Error
    return outcome.joined
  }
  return { leg, put, waits, entries }
}

const namesIn = (put: readonly string[] = []) => put.map((text) => text.split(' ')[0])

describe('joinLegs', () => {
  it('has the last leg put the index, in the order of the platforms, and the others end at once', async () => {
    const { leg, put, waits } = world()
    expect(await leg(ARM64)).toMatchObject({ joined: false, pushed: [] })
    expect(put).toStrictEqual([])
    expect(await leg(AMD64)).toMatchObject({ joined: true })
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64'])
    expect([put.length, ...waits]).toStrictEqual([1, 0, 0])
  })

  it('has one of two legs put it that come at the same time', async () => {
    const { leg, put } = world()
    const both = await Promise.all([leg(AMD64), leg(ARM64)])
    expect(both.filter(({ joined }) => joined)).toHaveLength(1)
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64'])
  })

  it('waits for a record that the service shows late', async () => {
    const { leg, put, waits } = world()
    await leg(ARM64)
    const late = (meeting: Meeting, now: () => number): Meeting => {
      const end = now() + 5000
      return { ...meeting, find: (name) => (now() < end ? Promise.resolve(undefined) : meeting.find(name)) }
    }
    expect(await leg(AMD64, { see: late })).toMatchObject({ joined: true })
    expect(put).toHaveLength(1)
    expect(waits[1]).toBeGreaterThanOrEqual(5000)
    expect(waits[1]).toBeLessThan(15_000)
  })

  it('fails after two minutes where two runners are of one platform, and puts nothing', async () => {
    const { leg, put, waits } = world()
    await leg(AMD64)
    await expect(leg(AMD64)).rejects.toThrow(/no runner of this run has pushed linux\/arm64 with the same/)
    expect(put).toStrictEqual([])
    expect(waits[1]).toBeGreaterThan(100_000)
    expect(waits[1]).toBeLessThanOrEqual(120_000)
  })

  it('leaves the tags to the leg that comes later, where a number is lost', async () => {
    const { leg, put, waits, entries } = world()
    entries.set('7 abc #1', '')
    expect(await leg(AMD64)).toMatchObject({ joined: false, pushed: [] })
    expect(waits[0]).toBeGreaterThan(100_000)
    expect(await leg(ARM64)).toMatchObject({ joined: true })
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64'])
    expect([put.length, waits[1]]).toStrictEqual([1, 0])
  })

  it('does so also where another leg has lost it, and says at last what is missing', async () => {
    const { leg, put, entries } = world(THREE)
    entries.set('7 abc #1', '')
    expect(await leg(AMD64)).toMatchObject({ joined: false })
    expect(await leg(ARM64)).toMatchObject({ joined: false })
    await expect(leg(ARM64)).rejects.toThrow(/linux\/riscv64/)
    expect(await leg(RISCV64)).toMatchObject({ joined: true })
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64', 'linux/riscv64'])
  })

  it('joins what it sees where the service tells no number, and fails where it sees too little', async () => {
    const { leg, put } = world()
    const silent = (meeting: Meeting): Meeting => ({
      ...meeting,
      takeNumber: () => Promise.resolve('unknown'),
      hasLostNumber: () => Promise.resolve(true),
      failures: () => ['The cache service is down.'],
    })
    for (const attempt of ['1', '2'])
      await expect(leg(AMD64, { see: silent, attempt })).rejects.toThrow(
        /linux\/arm64 with the same inputs\. Nothing was tagged\. The cache service is down\.$/,
      )
    expect(put).toStrictEqual([])
    expect(await leg(ARM64, { see: silent })).toMatchObject({ joined: true })
  })

  it('joins when the failed leg is run again, with what the other one left in the first attempt', async () => {
    const { leg, put } = world()
    await leg(AMD64)
    expect(await leg(ARM64, { attempt: '2' })).toMatchObject({ joined: true })
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64'])
  })

  it('joins again when all legs are run again: no number is left, so each does', async () => {
    const { leg, put } = world()
    await Promise.all([leg(AMD64), leg(ARM64)])
    await Promise.all([leg(AMD64, { attempt: '2' }), leg(ARM64, { attempt: '2' })])
    expect(put.length).toBe(3)
    expect(put[2]).not.toStrictEqual(put[0])
    expect(put[2]).toStrictEqual(put[1])
  })

  it('leaves the tags to the leg that failed when all legs are run again, and that one takes longer', async () => {
    const { leg, put } = world()
    await leg(AMD64)
    expect(await leg(AMD64, { attempt: '2' })).toMatchObject({ joined: false, pushed: [] })
    expect(put).toStrictEqual([])
    expect(await leg(ARM64, { attempt: '2' })).toMatchObject({ joined: true })
    expect(namesIn(put[0])).toStrictEqual(['linux/amd64', 'linux/arm64'])
  })

  it.each([
    ['another run of the same commit', { run: '8' }],
    ['another step of the same run', { join: 'def' }],
  ])('meets nobody of %s', async (_, other) => {
    const { leg, put } = world()
    await leg(AMD64)
    expect(await leg(ARM64, other)).toMatchObject({ joined: false })
    expect(put).toStrictEqual([])
  })

  it.each([
    ['names an image that isn’t there', { digest: `sha256:${'0'.repeat(64)}` }],
    ['names no digest', { digest: 'latest' }],
  ])('takes no record that %s', async (_, { digest }) => {
    const { leg, put } = world()
    await leg(ARM64, {
      says: ({ platform, pushed }) => ({ platform, pushed: pushed.map((one) => ({ ...one, digest })) }),
    })
    await expect(leg(AMD64)).rejects.toThrow(/linux\/arm64/)
    expect(put).toStrictEqual([])
  })

  it('takes no record whose image is for another platform', async () => {
    const { leg, put } = world()
    await leg(AMD64, { says: ({ pushed }) => ({ platform: ARM64, pushed }) })
    await expect(leg(AMD64)).rejects.toThrow(/linux\/arm64/)
    expect(put).toStrictEqual([])
  })

  it('fails where its record isn’t taken, and says how to do without', async () => {
    const { leg } = world()
    const denied = (meeting: Meeting): Meeting => ({
      ...meeting,
      leave: () => Promise.resolve('failed'),
      failures: () => ['The cache is read-only.'],
    })
    const error = await leg(AMD64, { see: denied }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      message: `Input "distribute": the cache service didn't take the record of linux/amd64. The cache is read-only.`,
    })
    expect(String((error as { hint?: string }).hint)).toMatch(/`digests: sha256:[0-9a-f]{64}`/)
  })

  it('goes by what it sees where a service gives numbers away twice, as act’s does', async () => {
    const { leg, put, waits } = world()
    expect(await leg(AMD64, { hasNumbers: false })).toMatchObject({ joined: false })
    expect(await leg(ARM64, { hasNumbers: false })).toMatchObject({ joined: true })
    expect([put.length, ...waits]).toStrictEqual([1, 0, 0])
  })
})
