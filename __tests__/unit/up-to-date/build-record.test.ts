import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { COMMIT_LABELS } from '../../../src/metadata/commit.js'
import { hostileText } from '../../harness/hostile-texts.js'
import {
  addRemembered,
  formatRemembered,
  inTime,
  parseRemembered,
  type RememberedBuild,
} from '../../../src/up-to-date/build-record.js'
import { runs } from '../../harness/properties.js'

const OCI = 'org.opencontainers.image.'
const hex = (digit: string) => digit.repeat(64)
const part = (name: string, digit: string) => ({ name, digest: hex(digit) })

const build: RememberedBuild = {
  builtAt: 1_000_000,
  fingerprint: [part('engine', '1'), part('context', '2')],
  imageId: `sha256:${hex('a')}`,
  places: [
    { registry: 'ghcr.io', repository: 'acme/web', digest: `sha256:${hex('b')}` },
    { registry: '127.0.0.1:5000', repository: 'web', digest: `sha256:${hex('b')}` },
    { registry: 'docker.io', repository: 'library/web', digest: `sha256:${hex('c')}` },
  ],
  said: new Map([['org.opencontainers.image.revision', 'a'.repeat(40)]]),
  steps: 7,
  seconds: 12.5,
}

/** The n-th of several builds that differ in their context. */
const buildAt = (builtAt: number, number: number): RememberedBuild => ({
  ...build,
  builtAt,
  fingerprint: [part('engine', '1'), { name: 'context', digest: number.toString(16).padStart(64, '0') }],
})

interface Written {
  version: unknown
  builds: Record<string, unknown>[]
}
const written = () => JSON.parse(formatRemembered([build])) as Written
const withChange = (change: object) => JSON.stringify({ version: 1, builds: [{ ...written().builds[0], ...change }] })

describe('what is remembered', () => {
  it('is read as it was written', () => {
    const list = [build, buildAt(5, 1), buildAt(0, 2)]
    expect(parseRemembered(formatRemembered(list))).toStrictEqual(list)
    expect(parseRemembered(formatRemembered([]))).toStrictEqual([])
  })

  it('is read as it was written, whatever is in it', () => {
    const digest = fc.stringMatching(/^[0-9a-f]{64}$/)
    const name = fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8}){1,2}$/)
    const host = fc.constantFrom('ghcr.io', 'localhost:5000', 'docker.io', '[::1]:80')
    const count = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map(Math.abs)
    const one: fc.Arbitrary<RememberedBuild> = fc.record({
      builtAt: fc.maxSafeNat(),
      fingerprint: fc.array(fc.record({ name: fc.string(), digest }), { maxLength: 4 }),
      imageId: digest.map((text) => `sha256:${text}`),
      places: fc.array(
        fc.record({ registry: host, repository: name, digest: digest.map((text) => `sha256:${text}`) }),
        { minLength: 1, maxLength: 3 },
      ),
      said: fc
        .dictionary(fc.constantFrom(...COMMIT_LABELS), fc.stringMatching(/^[\w.:-]{0,128}$/))
        .map((said) => new Map(Object.entries(said))),
      steps: fc.nat(),
      seconds: count,
    })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 3 }), (list) => {
        expect(parseRemembered(formatRemembered(list))).toStrictEqual(structuredClone(list))
      }),
      runs(30),
    )
  })

  it('has no tags', () => {
    const tagged = { ...build, places: build.places.map((place) => ({ ...place, tag: 'v1' })) }
    expect(formatRemembered([tagged])).toBe(formatRemembered([build]))
  })

  it('has nothing in it that is not known here', () => {
    const [one] = written().builds
    const parts = build.fingerprint.map((own) => ({ ...own, evil: 1 }))
    const text = JSON.stringify({ version: 1, evil: 1, builds: [{ ...one, fingerprint: parts, evil: 1 }] })
    expect(parseRemembered(text)).toStrictEqual([build])
    const polluted = text.replaceAll('"evil":1', '"__proto__":{"evil":1},"constructor":1,"toString":1')
    expect(parseRemembered(polluted)).toStrictEqual([build])
    expect(({} as { evil?: unknown }).evil).toBeUndefined()
  })

  const place = `ghcr.io/acme/web@sha256:${hex('b')}`
  it.each<[what: string, change: object]>([
    ['a time that is none', { builtAt: 'now' }],
    ['a time below zero', { builtAt: -1 }],
    ['no time', { builtAt: null }],
    ['steps below zero', { steps: -1 }],
    ['seconds that are a text', { seconds: '1' }],
    ['no id', { imageId: undefined }],
    ['an id that is too short', { imageId: 'sha256:ab' }],
    ['an id in upper case', { imageId: `sha256:${hex('A')}` }],
    ['an id of another algorithm', { imageId: `sha512:${hex('a')}` }],
    ['an id with a line behind it', { imageId: `sha256:${hex('a')}\n` }],
    ['an id that is a list', { imageId: [`sha256:${hex('a')}`] }],
    ['no fingerprint', { fingerprint: undefined }],
    ['a fingerprint that is an object', { fingerprint: { length: 0 } }],
    ['a part without a name', { fingerprint: [{ digest: hex('1') }] }],
    ['a part that is a text', { fingerprint: ['engine'] }],
    ['a part that is nothing', { fingerprint: [null] }],
    ['a part whose digest is short', { fingerprint: [{ name: 'a', digest: '1' }] }],
    ['a part whose digest is a list', { fingerprint: [{ name: 'a', digest: [hex('1')] }] }],
    ['a part whose digest is a number', { fingerprint: [{ name: 'a', digest: Number(hex('1')) }] }],
    ['one part of two that is none', { fingerprint: [part('a', '1'), { name: 'b' }] }],
    ['no places', { places: undefined }],
    ['an empty list of places', { places: [] }],
    ['a place that is an object', { places: [build.places[0]] }],
    ['a place that is a list', { places: [[place]] }],
    ['a place with a tag', { places: [place.replace('@', ':v1@')] }],
    ['a place without a digest', { places: ['ghcr.io/acme/web'] }],
    ['a place with a tag alone', { places: ['ghcr.io/acme/web:v1'] }],
    ['a place with another algorithm', { places: [`ghcr.io/acme/web@sha512:${'b'.repeat(128)}`] }],
    ['a place with a short digest', { places: ['ghcr.io/acme/web@sha256:ab'] }],
    ['a place with a way out', { places: [`ghcr.io/../web@sha256:${hex('b')}`] }],
    ['a place with an address', { places: [`https://${place}`] }],
    ['a place with a user', { places: [`me:pw@${place}`] }],
    ['a place with a line break', { places: [`ghcr.io/acme/web\n@sha256:${hex('b')}`] }],
    ['one place of two that is none', { places: [place, 'x y'] }],
    ['no word of its commit', { said: undefined }],
    ['a list of labels', { said: ['org.opencontainers.image.revision'] }],
    ['a label that is none of a commit', { said: { 'org.opencontainers.image.title': 'web' } }],
    ['a label with a line break', { said: { [`${OCI}revision`]: 'a\nb' } }],
    ['a label with a space', { said: { [`${OCI}version`]: '1 2' } }],
    ['a label that is too long', { said: { [`${OCI}version`]: '1'.repeat(129) } }],
    ['a label that is a number', { said: { [`${OCI}version`]: 1 } }],
  ])('is left out with %s', (_, change) => {
    const text = withChange(change)
    expect(parseRemembered(text)).toStrictEqual([])
    const others = JSON.parse(text) as Written
    const [own] = written().builds
    expect(parseRemembered(JSON.stringify({ ...others, builds: [...others.builds, own] }))).toStrictEqual([build])
  })

  it.each([
    ...['', ' ', 'null', '7', '"x"', '[]', '{}', '{', '<html>503</html>', '\0', '{"version":1}', '{"builds":[]}'],
    ...['{"version":1,"builds":{}}', '{"version":1,"builds":[null,1,"x",[],{}]}', '{"version":1,"builds":"x"}'],
  ])('is nothing where the text is %j', (text) => {
    expect(parseRemembered(text)).toStrictEqual([])
  })

  it.each([0, 2, '1', null, undefined, [1]])('is nothing in version %j', (version) => {
    expect(parseRemembered(JSON.stringify({ ...written(), version }))).toStrictEqual([])
  })

  it('is nothing where half of the text is there', () => {
    expect(parseRemembered(formatRemembered([build]).slice(0, -20))).toStrictEqual([])
  })

  it('may have numbers beyond all times', () => {
    for (const number of ['1e400', '1e308', '9007199254740993', '-0', '0.1']) {
      const text = formatRemembered([build]).replace('1000000', number)
      for (const one of parseRemembered(text)) expect(Number.isFinite(one.builtAt) && one.builtAt >= 0).toBe(true)
      expect(inTime(parseRemembered(text.replace('0.1', '1e308')), { now: Date.now(), ttlMs: 1000 })).toStrictEqual([])
    }
  })
})

/** Whether a build is in the grammar, said another way than the code does. */
function isInGrammar(one: RememberedBuild): boolean {
  const digest = /^sha256:[0-9a-f]{64}$/
  return (
    Object.keys(one).sort().join() === 'builtAt,fingerprint,imageId,places,said,seconds,steps' &&
    [one.builtAt, one.steps, one.seconds].every((number) => Number.isFinite(number) && number >= 0) &&
    typeof one.imageId === 'string' &&
    digest.test(one.imageId) &&
    one.fingerprint.every(
      (own) =>
        Object.keys(own).sort().join() === 'digest,name' &&
        typeof own.name === 'string' &&
        typeof own.digest === 'string' &&
        digest.test(`sha256:${own.digest}`),
    ) &&
    one.places.length > 0 &&
    one.places.every(
      (own) =>
        Object.keys(own).sort().join() === 'digest,registry,repository' &&
        /^[a-z0-9.:[\]-]+$/i.test(own.registry) &&
        /^[a-z0-9._/-]+$/.test(own.repository) &&
        !own.repository.includes('..') &&
        digest.test(own.digest),
    ) &&
    [...one.said].every(([name, value]) => COMMIT_LABELS.includes(name) && /^[\w.:-]{0,128}$/.test(value))
  )
}

describe('what comes from outside', () => {
  it('is never thrown at, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.string(), fc.json()), (text) => {
        expect(parseRemembered(text)).toStrictEqual([])
      }),
      runs(50),
    )
  })

  it('is within the grammar, whatever a build has in it', () => {
    const strange = fc.oneof(
      ...[
        fc.jsonValue(),
        hostileText,
        fc.constantFrom(...[null, -1, 1e308, hex('a'), `sha256:${hex('a')}`, [hex('a')]]),
      ],
    )
    const place = fc.oneof(
      fc
        .tuple(hostileText, fc.constantFrom('', ':v1'), fc.constantFrom(`sha256:${hex('b')}`, 'sha256:b', ''))
        .map(([name, tag, digest]) => `ghcr.io/acme/${name}${tag}@${digest}`),
      fc.constant(`ghcr.io/acme/web@sha256:${hex('b')}`),
      strange,
    )
    const digest = fc.oneof(fc.constant<unknown>(hex('1')), strange)
    // One or two are broken at a time: of builds in which everything is, none would be read.
    const change = fc
      .record({
        builtAt: fc.oneof(fc.double(), strange),
        steps: fc.oneof(fc.double(), strange),
        seconds: fc.oneof(fc.double(), strange),
        imageId: strange,
        fingerprint: fc.oneof(fc.array(fc.record({ name: fc.oneof(fc.string(), strange), digest })), strange),
        places: fc.oneof(fc.array(place, { minLength: 1, maxLength: 3 }), strange),
      })
      .chain((all) => fc.subarray(Object.entries(all), { minLength: 1, maxLength: 2 }))
      .map((entries) => Object.fromEntries(entries))
    let taken = 0
    fc.assert(
      fc.property(change, (one) => {
        const read = parseRemembered(withChange(one))
        taken += read.length
        expect(read.filter((own) => !isInGrammar(own))).toStrictEqual([])
        // What was read can be left for others.
        expect(parseRemembered(formatRemembered(read))).toStrictEqual(read)
      }),
      runs(150),
    )
    expect(taken).toBeGreaterThan(0)
  })
})

describe('the time to live', () => {
  it.each<[builtAt: number, there: boolean]>([
    [1000, true],
    [999, true],
    [901, true],
    [900, false],
    [0, false],
    // A clock that was wrong then or is now.
    [1001, false],
  ])('of 100 at 1000: what was built at %d counts: %s', (builtAt, there) => {
    expect(inTime([buildAt(builtAt, 1)], { now: 1000, ttlMs: 100 })).toHaveLength(there ? 1 : 0)
  })

  it('of nothing leaves nothing', () => {
    expect(inTime([buildAt(1000, 1)], { now: 1000, ttlMs: 0 })).toStrictEqual([])
  })

  it('keeps the order', () => {
    const list = [buildAt(950, 1), buildAt(990, 2), buildAt(960, 3)]
    expect(inTime([...list, buildAt(1, 4)], { now: 1000, ttlMs: 100 })).toStrictEqual(list)
  })
})

describe('a further build', () => {
  const limits = { now: 1000, ttlMs: 100 }

  it('comes first', () => {
    const [one, two, three] = [buildAt(910, 1), buildAt(920, 2), buildAt(1000, 3)]
    expect(addRemembered([two, one], three, limits)).toStrictEqual([three, two, one])
    expect(addRemembered([], three, limits)).toStrictEqual([three])
  })

  it('replaces one of the same fingerprint', () => {
    const [one, two] = [buildAt(910, 1), buildAt(920, 2)]
    const again = { ...buildAt(1000, 1), imageId: `sha256:${hex('f')}` }
    expect(addRemembered([two, one], again, limits)).toStrictEqual([again, two])
  })

  it('drops what is too old', () => {
    expect(addRemembered([buildAt(901, 2), buildAt(900, 1)], buildAt(1000, 3), limits)).toStrictEqual([
      buildAt(1000, 3),
      buildAt(901, 2),
    ])
  })

  it('leaves 24 at most, the newest', () => {
    const list = Array.from({ length: 30 }, (_, number) => number + 1).reduce<RememberedBuild[]>(
      (builds, number) => addRemembered(builds, buildAt(900 + number, number), limits),
      [],
    )
    expect(list.map(({ builtAt }) => builtAt)).toStrictEqual(Array.from({ length: 24 }, (_, index) => 930 - index))
    const others = Array.from({ length: 25 }, (_, number) => buildAt(950, number))
    expect(addRemembered(others, buildAt(1000, 99), limits)).toHaveLength(24)
  })

  it('leaves the list that it is added to', () => {
    const list = [buildAt(910, 1)]
    addRemembered(list, buildAt(1000, 1), limits)
    expect(list).toStrictEqual([buildAt(910, 1)])
  })
})
