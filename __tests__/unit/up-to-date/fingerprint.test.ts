import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  differingSayings,
  type Fingerprint,
  type FingerprintFacts,
  fingerprintOf,
  firstDifference,
} from '../../../src/up-to-date/fingerprint.js'
import { countedTexts } from '../../../src/runner/counted-inputs.js'
import type { CountedInput } from '../../../src/runner/input-table.js'
import { inputsOf } from '../helpers.js'
import { runs } from '../../harness/properties.js'

const facts: FingerprintFacts = {
  engine: 'Buildah 1.43.2',
  platform: 'linux/amd64',
  format: 'oci',
  target: 1,
  dockerfile: Buffer.from('FROM alpine\n'),
  buildArgs: new Map([
    ['A', '1'],
    ['B', '2'],
  ]),
  labels: [
    { name: 'one', value: '1' },
    { name: 'two', value: '2' },
  ],
  annotations: [
    { name: 'one', value: '1' },
    { name: 'two', value: '2' },
  ],
  bases: new Map([
    ['alpine', 'sha256:aa'],
    ['debian', 'sha256:bb'],
  ]),
  registriesConf: ['unqualified-search-registries = ["docker.io", "quay.io"]\n'],
  context: 'cc',
  contexts: new Map([
    ['docs', 'dd'],
    ['lib', 'ee'],
  ]),
  inputs: countedTexts(inputsOf({ 'extra-args': '--layers\n--squash', ulimit: 'core=1' })),
  proxies: new Map([['no_proxy', 'a']]),
  epoch: '1',
}

const withTexts = (name: CountedInput, texts: readonly string[]) => ({ inputs: { ...facts.inputs, [name]: texts } })
const of = (changes: Partial<FingerprintFacts> = {}): Fingerprint => fingerprintOf({ ...facts, ...changes })

/** The names of all parts that differ. */
function differences(one: Fingerprint, other: Fingerprint): string[] {
  return other.filter((part, index) => one[index]?.digest !== part.digest).map(({ name }) => name)
}

const pair = (name: string, value: string) => ({ name, value })

describe('a fingerprint', () => {
  it.each<[changes: Partial<FingerprintFacts>, part: string]>([
    [{ engine: 'Buildah 1.43.3' }, 'engine'],
    [{ platform: 'linux/arm64' }, 'platform'],
    [{ format: 'docker' }, 'format'],
    [{ target: 0 }, 'target'],
    [{ dockerfile: Buffer.from('FROM alpine') }, 'Dockerfile'],
    // Two that are one text, read as UTF-8.
    [{ dockerfile: Buffer.from([0xff]) }, 'Dockerfile'],
    [{ buildArgs: new Map([['A', '1']]) }, 'build arguments'],
    [{ buildArgs: new Map([...facts.buildArgs, ['C', '']]) }, 'build arguments'],
    [{ buildArgs: new Map([...facts.buildArgs, ['B', '']]) }, 'build arguments'],
    [{ labels: [] }, 'label names, labels'],
    [{ labels: [pair('one', '1'), pair('two', '3')] }, 'labels'],
    [{ labels: [pair('one', '1'), pair('Two', '2')] }, 'label names, labels'],
    [{ labels: [pair('one', '1'), { name: 'two', value: undefined }] }, 'labels'],
    [{ annotations: [pair('one', '1')] }, 'label names, annotations'],
    [{ annotations: [{ name: 'one', value: undefined }, pair('two', '2')] }, 'annotations'],
    [{ annotations: [pair('one', '2'), pair('two', '1')] }, 'annotations'],
    [{ bases: new Map([['alpine', 'sha256:aa']]) }, 'base images'],
    [{ bases: new Map([...(facts.bases ?? []), ['alpine', 'sha256:ab']]) }, 'base images'],
    [{ registriesConf: [] }, 'registries.conf'],
    [{ registriesConf: [...facts.registriesConf, ''] }, 'registries.conf'],
    [{ context: 'cd' }, 'context'],
    [{ contexts: new Map([['docs', 'dd']]) }, 'build contexts'],
    [{ contexts: new Map([...facts.contexts, ['lib', 'ef']]) }, 'build contexts'],
    [withTexts('network', ['none']), 'network'],
    [withTexts('secrets', ['token']), 'secrets'],
    [withTexts('extra-args', ['--layers']), 'extra-args'],
    [withTexts('extra-args', ['--squash', '--layers']), 'extra-args'],
    [withTexts('extra-args', ['--layers', '--squash', '']), 'extra-args'],
    [{ proxies: new Map() }, 'proxies'],
    [{ proxies: new Map([['no_proxy', '']]) }, 'proxies'],
    [{ epoch: '' }, 'SOURCE_DATE_EPOCH'],
  ])('differs with %j in its %s alone', (changes, told) => {
    const parts = told.split(', ')
    const [part] = parts
    expect(differences(of(), of(changes))).toStrictEqual(parts)
    expect(firstDifference(of(), of(changes))).toBe(part)
    expect(firstDifference(of(changes), of())).toBe(part)
  })

  it('has a part for every fact', () => {
    const names = of().map(({ name }) => name)
    // The version of the comparison is no fact, labels have two, and each input has its own.
    expect(names).toHaveLength(Object.keys(facts).length + 1 + Object.keys(facts.inputs).length)
    expect(new Set(names).size).toBe(names.length)
    for (const { digest } of of()) expect(digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('has the parts that the documentation tells, in its order', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/skipping.md'), 'utf8')
    const [, table = ''] = /<!-- parts:.*?-->\n\n([\s\S]*?)\n\n/.exec(text) ?? []
    const cells = table
      .split('\n')
      .slice(2)
      .map((row) => row.split('|')[1] ?? '')
    const told = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name))
    expect(told).toStrictEqual(of().map(({ name }) => name))
  })

  it.each<[what: string, changes: Partial<FingerprintFacts>]>([
    ['build arguments', { buildArgs: new Map([...facts.buildArgs].reverse()) }],
    ['labels', { labels: [...facts.labels].reverse() }],
    ['annotations', { annotations: [...facts.annotations].reverse() }],
    ['base images', { bases: new Map([...(facts.bases ?? [])].reverse()) }],
    ['build contexts', { contexts: new Map([...facts.contexts].reverse()) }],
  ])('does not know the order of %s', (_, changes) => {
    expect(of(changes)).toStrictEqual(of())
  })

  it.each<[one: string[], other: string[]]>([
    [
      ['ab', 'c'],
      ['a', 'bc'],
    ],
    [['abc'], ['ab', 'c']],
    [[''], []],
    [['', ''], ['']],
    [['1:a'], ['a']],
    [['a1:b'], ['a', 'b']],
    [['a\0b'], ['a', 'b']],
    [['a,b'], ['a', 'b']],
    [['ä'], ['a\u0308']],
  ])('keeps %j from %j', (one, other) => {
    expect(of(withTexts('extra-args', one))).not.toStrictEqual(of(withTexts('extra-args', other)))
  })

  it.each<[one: Partial<FingerprintFacts>, other: Partial<FingerprintFacts>]>([
    [{ buildArgs: new Map([['A', '1']]) }, { buildArgs: new Map([['A', '1=']]) }],
    [
      { buildArgs: new Map([['A', '1B=2']]) },
      {
        buildArgs: new Map([
          ['A', '1'],
          ['B', '2'],
        ]),
      },
    ],
    [{ labels: [pair('a', '')] }, { labels: [{ name: 'a', value: undefined }] }],
    [{ labels: [pair('a', '1\nb=2')] }, { labels: [pair('a', '1'), pair('b', '2')] }],
    [
      { labels: [pair('a', '1')], annotations: [] },
      { labels: [], annotations: [pair('a', '1')] },
    ],
    [withTexts('extra-args', ['a']), withTexts('secrets', ['a'])],
    [{ bases: new Map() }, { bases: undefined }],
  ])('keeps %j from %j', (one, other) => {
    expect(of(one)).not.toStrictEqual(of(other))
  })

  it('of two lists is the same only where the lists are', () => {
    const list = fc.array(fc.oneof(fc.constantFrom('', 'a', 'b', 'ab', '1:', '1:a', '2:ab', ':'), fc.string()), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(list, list, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other)
        const [first, second] = [one, other].map((texts) => of(withTexts('extra-args', texts)))
        expect(firstDifference(first ?? [], second ?? []) === undefined).toBe(isSame)
      }),
      runs(100),
    )
  })

  it('is a function of the facts, which stay as they are', () => {
    const pairs = fc.array(fc.record({ name: fc.string(), value: fc.string() }), { maxLength: 3 })
    const map = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }).map((entries) => new Map(entries))
    const texts = fc.array(fc.string(), { maxLength: 3 })
    const any: fc.Arbitrary<FingerprintFacts> = fc.record({
      ...{ engine: fc.string(), platform: fc.string(), format: fc.string(), target: fc.nat(9), context: fc.string() },
      ...{ dockerfile: fc.uint8Array().map((bytes) => Buffer.from(bytes)), epoch: fc.string(), buildArgs: map },
      ...{ labels: pairs, annotations: pairs, bases: fc.option(map, { nil: undefined }), contexts: map },
      inputs: texts.map((extra) => ({ ...facts.inputs, 'extra-args': extra })),
      ...{ proxies: map, registriesConf: texts },
    })
    fc.assert(
      fc.property(any, (one) => {
        const before = structuredClone(one)
        const made = fingerprintOf(one)
        expect(fingerprintOf({ ...structuredClone(one), dockerfile: Buffer.from(one.dockerfile) })).toStrictEqual(made)
        expect(structuredClone(one)).toStrictEqual(before)
        expect(firstDifference(made, made)).toBeUndefined()
      }),
      runs(),
    )
  })

  it('stays what it is from one release to the next, unless its comparison version changes', () => {
    // Where this digest changes, GRAMMAR has to.
    const all = createHash('sha256').update(JSON.stringify(of())).digest('hex')
    expect(all.slice(0, 16)).toBe('58da96cb54142b05')
  })
})

describe('what an image can be given', () => {
  it.each<[what: string, changes: Partial<FingerprintFacts>, given: string[]]>([
    ['nothing, where all is the same', {}, []],
    ['another label', { labels: [pair('one', '1'), pair('two', '3')] }, ['labels']],
    ['one that names the commit now', { labels: [pair('one', '1'), { name: 'two', value: undefined }] }, ['labels']],
    [
      'labels and annotations',
      { labels: [pair('one', '0'), pair('two', '2')], annotations: [pair('one', '0'), pair('two', '2')] },
      ['labels', 'annotations'],
    ],
    // One that is gone would stay, and may have hidden one of the Dockerfile.
    ['nothing, where a label is gone', { labels: [pair('one', '1')] }, []],
    ['nothing, where there is one more', { labels: [...facts.labels, pair('three', '3')] }, []],
    ['nothing, where an annotation is a label now', { annotations: [], labels: [...facts.labels, pair('a', '')] }, []],
    ['nothing, where something else differs', { labels: [pair('one', '1'), pair('two', '3')], context: 'x' }, []],
    ['nothing, where only something else differs', { context: 'x' }, []],
  ])('is %s', (_, changes, given) => {
    expect(differingSayings(of(), of(changes))).toStrictEqual(given)
    // What isn't known yet is not compared.
    expect(differingSayings(of(), of({ ...changes, bases: undefined }))).toStrictEqual(given)
  })
})

describe('the first difference', () => {
  const part = (name: string, digit: string) => ({ name, digest: digit.repeat(64) })

  it.each<[what: string, before: Fingerprint, now: Fingerprint, difference: string | undefined]>([
    ['the first of two', [part('a', '1'), part('b', '1')], [part('a', '2'), part('b', '2')], 'a'],
    ['none', [part('a', '1'), part('b', '1')], [part('a', '1'), part('b', '1')], undefined],
    ['none, in another order', [part('b', '1'), part('a', '1')], [part('a', '1'), part('b', '1')], undefined],
    ['a part that is new', [part('a', '1')], [part('a', '1'), part('b', '1')], 'b'],
    ['all, where there was nothing', [], [part('a', '1')], 'a'],
    // What isn't known yet is not compared.
    ['none, where one isn’t known yet', [part('a', '1'), part('b', '1')], [part('a', '1')], undefined],
    ['parts that change places', [part('a', '1'), part('b', '2')], [part('a', '2'), part('b', '1')], 'a'],
  ])('is %s', (_, before, now, difference) => {
    expect(firstDifference(before, now)).toBe(difference)
  })
})
