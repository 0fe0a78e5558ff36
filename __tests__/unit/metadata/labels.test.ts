import { describe, expect, test } from '@jest/globals'
import { annotationsOf, commitFacts, labelsOf, listLabels, remarksOn } from '../../../src/metadata/labels.js'
import { describeNames } from '../../../src/metadata/metadata.js'
import { resolveTags } from '../../../src/metadata/tags.js'
import { context, events, headSha } from './events.js'
import { refusal } from '../helpers.js'

const oci = 'org.opencontainers.image.'
const eight = {
  [`${oci}created`]: '2026-02-28T23:30:00.000Z',
  [`${oci}description`]: 'The shop window',
  [`${oci}licenses`]: 'Apache-2.0',
  [`${oci}revision`]: '8c3d1f0a5b6e7d9c0123456789abcdef01234567',
  [`${oci}source`]: 'https://github.com/acme/web',
  [`${oci}title`]: 'web',
  [`${oci}url`]: 'https://github.com/acme/web',
  [`${oci}version`]: '1.4.2',
}

/** Those that are not of the eight. */
function own(entries: string[], where = context()): Record<string, string> {
  return Object.fromEntries(
    [...labelsOf(entries, commitFacts('1.4.2', where), where)].filter(([name]) => !Object.hasOwn(eight, name)),
  )
}

describe('the eight', () => {
  test('come from the event and the repository, sorted', () => {
    const labels = labelsOf([], commitFacts('1.4.2', context()), context())
    expect(Object.fromEntries(labels)).toEqual(eight)
    expect([...labels.keys()]).toEqual(Object.keys(eight))
  })

  test('are there without a description, an address, a licence and a version', () => {
    const labels = labelsOf(
      [],
      commitFacts('', context({ repository: { name: 'web' } })),
      context({ repository: { name: 'web' } }),
    )
    expect(labels.size).toBe(8)
    expect(['description', 'licenses', 'source', 'url', 'version'].map((key) => labels.get(oci + key))).toEqual(
      Array(5).fill(''),
    )
  })

  test('created is the time of the run where the commit has none', () => {
    const labels = labelsOf([], commitFacts('', context({ commitDate: undefined })), context({ commitDate: undefined }))
    expect(labels.get(`${oci}created`)).toBe('2026-03-07T21:05:09.042Z')
  })

  test('revision is the head of a pull request where that is wanted', () => {
    const labels = labelsOf([], commitFacts('', { ...events.fork, usePrHeadSha: true }), {
      ...events.fork,
      usePrHeadSha: true,
    })
    expect(labels.get(`${oci}revision`)).toBe(headSha)
  })

  test('are one line each', () => {
    const repository = { name: 'a\nb', description: 'x\r\n::error::y\u2028z\t ', url: 'u\u0000' }
    const labels = labelsOf([], commitFacts('v', context({ repository })), context({ repository }))
    expect([labels.get(`${oci}title`), labels.get(`${oci}description`), labels.get(`${oci}url`)]).toEqual([
      'a b',
      'x ::error::y z',
      'u',
    ])
  })
})

describe('own lines', () => {
  test('win over the eight, and the later over the earlier', () => {
    const labels = labelsOf(
      [`${oci}title=A`, `${oci}title=B`, `${oci}licenses=`],
      commitFacts('1', context()),
      context(),
    )
    expect(labels.get(`${oci}title`)).toBe('B')
    expect(labels.get(`${oci}licenses`)).toBe('')
    expect(labels.size).toBe(8)
  })

  test.each([
    ['a=b=c', 'a', 'b=c'],
    ['a=#1 # two', 'a', '#1 # two'],
    [`a='x' "y"`, 'a', `'x' "y"`],
    ['a=x,y,"z"', 'a', 'x,y,"z"'],
    ['a=', 'a', ''],
    ['a=  x ', 'a', '  x '],
    ['a=line 1\nline 2', 'a', 'line 1\nline 2'],
    ['A.b/c-d_e=x', 'A.b/c-d_e', 'x'],
    ['__proto__=x', '__proto__', 'x'],
    ['a={{branch}} of {{sha}}', 'a', 'main of 8c3d1f0'],
    ["a={{commit_date 'YYYY-MM-DDTHH:mm:ss.SSS[Z]'}}", 'a', '2026-02-28T23:30:00.000Z'],
    ['a=\\{{ .Name }}', 'a', '{{ .Name }}'],
    // What docker/metadata-action hands over has the braces of a description, say.
    ['a={{ .Name }} of {{branch}}', 'a', '{{ .Name }} of main'],
    ['a={{nope}}', 'a', '{{nope}}'],
    ['a={{#if x}}{{branch}}{{/if}}', 'a', '{{#if x}}main{{/if}}'],
    ['a={{ x {{{sha}}} {{', 'a', '{{ x 8c3d1f0 {{'],
    ['a=\\\\{{nope}} \\{{branch}}', 'a', '\\\\{{nope}} {{branch}}'],
    ['a={{date YYYY}}', 'a', '{{date YYYY}}'],
  ])('%j', (entry, name, value) => {
    expect(Object.entries(own([entry]))).toEqual([[name, value]])
  })

  test('a comment and a blank line are none', () => {
    expect(own(['# a=b', '', '  ', ' #c=d'])).toEqual({})
  })

  test('what they are not taken for is said once', () => {
    const entries = ['a={{nope}} {{branch}} {{ x', 'b', '# c', ' manifest:e ', 'f={{sha}}']
    const quoted = 'and quote a multi-line value as a whole: "name=…"'
    for (const input of ['labels', 'annotations'] as const) {
      expect(remarksOn(input, entries, context())).toMatchObject({
        notes: [
          `"{{nope}}" in "a" is not an expression and is left unchanged`,
          `"{{ x" in "a" is not an expression and is left unchanged`,
        ],
        warnings: [
          `${input}: "b" has no = and is left out. Write b= for an empty value, ${quoted}`,
          `${input}: "manifest:e" has no = and is left out. Write manifest:e= for an empty value, ${quoted}`,
        ],
      })
    }
    expect(own(entries)).toEqual({ a: '{{nope}} main {{ x', f: '8c3d1f0' })
  })

  test.each([
    ['=b', /the name before = is missing/, 'Write name=value.'],
    ['a b=c', /the name "a b" has a space in it/, 'Write name=value.'],
    ['a\u200bb=c', /the name "a\\u200bb" has a space/, 'Write name=value.'],
    ['a={{date}}', /\{\{date\}\} has no format/, /Write \{\{date/],
    ["a={{date 'YYYY' tz='Nowhere'}}", /time zone "Nowhere" is unknown/, /IANA/],
    ['a={{branch "x"}}', /takes nothing after its name/, /Write \{\{branch\}\}/],
    ['"a=b', /the name "\\"a" has a quote in it/, /begins with its quote/],
  ])('%j is refused', (entry, message, hint) => {
    const error = refusal(() => own([entry]))
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^labels: in the line "/)
    expect(error.hint).toEqual(typeof hint === 'string' ? hint : expect.stringMatching(hint))
  })
})

describe('annotations', () => {
  test('have the same eight, and manifest: before a name is left away', () => {
    const annotations = annotationsOf(['manifest:a=b', 'c=d', 'e:f=g'], commitFacts('1.4.2', context()), context())
    expect(Object.fromEntries(annotations)).toEqual({ ...eight, a: 'b', c: 'd', 'e:f': 'g' })
  })

  test.each(['index:a=b', 'manifest,index:a=b', 'manifest[linux/amd64]:a=b', 'manifest-descriptor:a=b'])(
    '%s is refused',
    (entry) => {
      const error = refusal(() => annotationsOf([entry], commitFacts('', context()), context()))
      expect(error.message).toMatch(/^annotations: in the line .* is not a supported place for an annotation/)
      expect(error.hint).toMatch(/write manifest:name=value/)
    },
  )
})

describe('outputs', () => {
  test('one entry a line, quoted where it must be', () => {
    const labels = new Map([
      ['a', 'x, "y"'],
      ['b', '1\n"2"'],
      ['"c', '3'],
    ])
    expect(listLabels(labels)).toBe('a=x, "y"\n"b=1\n""2"""\n"""c=3"')
    expect(listLabels(new Map([['a', 'b']]), 'manifest:')).toBe('manifest:a=b')
  })

  test('json has the shape of docker/metadata-action', () => {
    const names = resolveTags(
      { images: ['acme/web', 'ghcr.io/acme/web'], tags: ['type=semver,pattern={{version}}'], flavor: [] },
      events.tag,
    )
    const labels = labelsOf(['a=b=c', '__proto__=x'], commitFacts(names.version, events.tag), events.tag)
    const json: unknown = JSON.parse(
      JSON.stringify(describeNames(names, labels, annotationsOf(['d=e'], commitFacts('', events.tag), events.tag))),
    )
    expect(json).toEqual({
      tags: [
        'docker.io/acme/web:1.4.2',
        'docker.io/acme/web:latest',
        'ghcr.io/acme/web:1.4.2',
        'ghcr.io/acme/web:latest',
      ],
      'tag-names': ['1.4.2', 'latest'],
      labels: JSON.parse(JSON.stringify({ ...eight, a: 'b=c' }).replace('{', '{"__proto__":"x",')) as unknown,
      annotations: [
        'manifest:d=e',
        ...Object.entries({ ...eight, [`${oci}version`]: '' }).map(([name, value]) => `manifest:${name}=${value}`),
      ],
    })
  })
})
