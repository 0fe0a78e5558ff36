import { describe, expect, it } from '@jest/globals'
import { isId, isIncomplete, readImage, readLayer } from '../../../../src/cache/containers-storage/records.js'

const id = 'ab'.repeat(32)
const digest = `sha256:${id}`

/** Every field that is known, as containers/storage writes it. */
const layer = {
  id,
  parent: 'cd'.repeat(32),
  created: '2026-01-31T12:34:56.789012345Z',
  'compressed-diff-digest': digest,
  'compressed-size': 123,
  'diff-digest': digest,
  'diff-size': 456,
  compression: 2,
  uidset: [0, 65534],
  gidset: [0],
}
const image = {
  id,
  digest,
  names: ['docker.io/library/alpine:3.20', 'localhost:5000/a/b@sha256:ab', 'localhost/x_y-z:A.b'],
  layer: id,
  metadata: '{"signatures-sizes":{}}',
  'big-data-names': ['manifest', digest, `manifest-${digest}`],
  'big-data-sizes': { manifest: 5, [digest]: 6 },
  'big-data-digests': { manifest: digest, [digest]: digest },
  created: '2026-01-31T12:34:56+01:00',
}

describe('readLayer', () => {
  it('takes what it knows, and leaves out the rest', () => {
    const more = { names: ['x'], mountlabel: 'y', flags: { a: 1 }, mountpoint: '/etc', mountcount: 3, other: '../..' }
    expect(readLayer({ ...layer, ...more })).toStrictEqual(layer)
    expect(readLayer({ id })).toStrictEqual({ id })
  })

  it('takes null for what is missing, as Go writes lists that are empty', () => {
    expect(readLayer({ ...layer, uidset: null, gidset: null, parent: undefined })).not.toHaveProperty('uidset')
  })

  it.each<[string, Record<string, unknown>]>([
    ['an id that leads out', { id: '../../etc' }],
    ['an id with a way out behind it', { id: `${id}/../..` }],
    ['an id in upper case', { id: id.toUpperCase() }],
    ['an id and a line break', { id: `${id}\n` }],
    ['a short id', { id: id.slice(1) }],
    ['a list for an id', { id: [id] }],
    ['a parent that leads out', { parent: '../x' }],
    ['an empty parent', { parent: '' }],
    ['a time that is none', { created: 'yesterday' }],
    ['a digest of another kind', { 'diff-digest': `md5:${id}` }],
    ['a size that is a text', { 'diff-size': '5' }],
    ['a size that is a fraction', { 'diff-size': 5.5 }],
    ['a size beyond all numbers', { 'diff-size': 1e300 }],
    ['an owner that is a text', { uidset: [0, 'root'] }],
    ['an object for a list', { gidset: { 0: 0 } }],
  ])('refuses %s', (_, change) => {
    const [field = ''] = Object.keys(change)
    expect(() => readLayer({ ...layer, ...change })).toThrow(`a record has ${field}: `)
  })

  it('shows no more than a hundred characters of what is wrong, on one line', () => {
    const wrong = { ...layer, parent: `\n::error::x${'y'.repeat(100_000)}` }
    const message = String(
      ((): unknown => {
        try {
          return readLayer(wrong)
        } catch (error) {
          return error
        }
      })(),
    )
    expect(message).toContain('a record has parent')
    expect(message.length).toBeLessThan(150)
    expect(message).not.toContain('\n')
  })

  it.each([[undefined], [null], [[]], ['text'], [5]])('refuses %j', (value) => {
    expect(() => readLayer(value)).toThrow('a record is not an object')
  })

  it.each([[{}], [{ parent: id }], [{ id: null }]])('refuses %j, which has no id', (value) => {
    expect(() => readLayer(value)).toThrow('a record has no id')
  })

  it('takes nothing from the prototype of an object', () => {
    const value = JSON.parse(`{"id": "${id}", "__proto__": {"parent": "../.."}}`) as unknown
    expect(readLayer(value)).toStrictEqual({ id })
  })
})

describe('readImage', () => {
  it('takes what it knows, and leaves out the rest', () => {
    const more = { 'names-history': ['x'], 'mapped-layers': ['../..'], flags: {}, readonly: true }
    expect(readImage({ ...image, ...more })).toStrictEqual(image)
  })

  it.each<[string, Record<string, unknown>]>([
    ['a name with a line break', { names: ['docker.io/a\n::error::x'] }],
    ['a name with a blank', { names: ['docker.io/a b'] }],
    ['an empty name', { names: [''] }],
    ['a name that is too long', { names: ['a'.repeat(601)] }],
    ['a text for the names', { names: 'docker.io/a' }],
    ['a layer that leads out', { layer: '../..' }],
    ['a layer that is a number', { layer: 5 }],
    ['metadata that is no text', { metadata: {} }],
    ['a file with a slash in its name', { 'big-data-names': ['../manifest'] }],
    ['a file with a slash in its name, and a size', { 'big-data-sizes': { '../manifest': 5 } }],
    ['a size that is a text', { 'big-data-sizes': { manifest: '5' } }],
    ['a list of sizes', { 'big-data-sizes': [5] }],
    ['a digest that is none', { 'big-data-digests': { manifest: 'x' } }],
  ])('refuses %s', (_, change) => {
    const [field = ''] = Object.keys(change)
    expect(() => readImage({ ...image, ...change })).toThrow(`a record has ${field}: `)
  })
})

describe('isIncomplete', () => {
  it.each<[unknown, boolean]>([
    [{ id, flags: { incomplete: true } }, true],
    [{ id, flags: { incomplete: false } }, false],
    [{ id, flags: { incomplete: 'true' } }, false],
    [{ id, flags: {} }, false],
    [{ id, flags: null }, false],
    [{ id }, false],
    [null, false],
    ['incomplete', false],
  ])('%j: %s', (value, expected) => {
    expect(isIncomplete(value)).toBe(expected)
  })
})

describe('isId', () => {
  it.each<[unknown, boolean]>([
    [id, true],
    ['0'.repeat(64), true],
    [digest, false],
    [`${id} `, false],
    [`${id}\n`, false],
    ['.'.repeat(64), false],
    [[id], false],
    [undefined, false],
  ])('%j: %s', (value, expected) => {
    expect(isId(value)).toBe(expected)
  })
})
