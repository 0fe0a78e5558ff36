import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { UserError } from '../../../src/errors.js'
import type { NameContext } from '../../../src/metadata/ref-context.js'
import { annotationsOf, commitFacts, labelsOf, listLabels } from '../../../src/metadata/labels.js'
import { isTag } from '../../../src/metadata/reference-flaws.js'
import { formatReference, parseReference } from '../../../src/metadata/reference.js'
import { makeTag } from '../../../src/metadata/sanitize-tag.js'
import { noTags, resolveTags, type Names } from '../../../src/metadata/tags.js'
import { context } from './events.js'
import { refusal } from '../helpers.js'
import { runs } from '../../harness/properties.js'
import { isExhaustive } from '../../harness/test-set.js'

/** What a terminal, a log or an output file would act on. */
const active = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

function expectSound(names: Names): void {
  const whole = names.references.map(formatReference)
  expect(whole.filter((text) => formatReference(parseReference(text)) !== text)).toEqual([])
  expect(names.tagNames.filter((tag) => !isTag(tag))).toEqual([])
  expect(new Set(whole).size).toBe(whole.length)
  expect(new Set(names.tagNames).size).toBe(names.tagNames.length)
  expect(names.version).toBe(names.tagNames[0] ?? '')
  expect([...names.notes, ...names.warnings].filter((text) => active.test(text))).toEqual([])
}

const rules = [
  'type=schedule',
  'type=ref,event=branch',
  'type=ref,event=tag',
  'type=ref,event=pr',
  'type=semver,pattern={{raw}}',
  'type=match,pattern=.*',
  'type=raw,value={{branch}}{{tag}}-{{base_ref}}',
  'type=sha,prefix={{branch}}-',
]

describe('a hostile name', () => {
  test.each([
    ['$(id)', 'id-'],
    ['`id`', 'id-'],
    [';reboot', 'reboot'],
    ['a;b&&c|d>e', 'a-b-c-d-e'],
    [`'"x"'`, 'x-'],
    ['a%0Ab', 'a-0Ab'],
    ['a\nb', 'a-b'],
    ['a\r\n::set-output name=x::y', 'a-set-output-name-x-y'],
    ['../../etc/passwd', 'etc-passwd'],
    ['..', undefined],
    ['-rm', 'rm'],
    ['--privileged', 'privileged'],
    ['.hidden', 'hidden'],
    ['naïve', 'na-ve'],
    ['ünïcode', 'n-code'],
    ['日本語', undefined],
    ['a\u202eb\u0000c', 'a-b-c'],
    ['{{sha}}', 'sha-'],
    ['{{constructor}}', 'constructor-'],
    ['a:b@c', 'a-b-c'],
    ['a,enable=false', 'a-enable-false'],
    ['UPPER', 'UPPER'],
    ['_x', '_x'],
    ['😀😀', undefined],
    ['\ud800x', 'x'],
  ])('%j', (name, tag) => {
    for (const [folder, event] of [
      ['refs/heads/', 'branch'],
      ['refs/tags/', 'tag'],
    ] as const) {
      const where = context({ ref: folder + name, baseRef: name, defaultBranch: name })
      const names = resolveTags(
        { images: ['acme/web'], tags: [`type=ref,event=${event}`], flavor: ['latest=false'] },
        where,
      )
      expect(names.tagNames).toEqual(tag === undefined ? [] : [tag])
      expectSound(names)
      expectSound(
        resolveTags({ images: ['acme/web'], tags: rules, flavor: ['prefix={{branch}}', 'latest=true'] }, where),
      )
      expect(active.test(noTags(names, where).message.replaceAll('\n- ', ''))).toBe(false)
      const labels = labelsOf(['a={{branch}}{{tag}}{{base_ref}}'], commitFacts(names.version, where), where)
      expect(listLabels(labels).split('\n')).toHaveLength(9)
    }
  })

  test('that leaves nothing is told with its name', () => {
    const where = context({ ref: 'refs/heads/日本\u202e語' })
    const names = resolveTags({ images: ['acme/web'], tags: [], flavor: [] }, where)
    expect(names.references).toEqual([])
    expect(names.notes).toContain(
      'type=ref,event=branch gives no tag: no character of "日本\\u202e語" is allowed in a tag',
    )
    expect(noTags(names, where).message).toContain('on "refs/heads/日本\\u202e語"')
  })

  test('of 300 characters is cut, and two of them stay apart', () => {
    const tagOf = (ref: string) =>
      resolveTags({ images: ['acme/web'], tags: ['type=ref,event=branch'], flavor: [] }, context({ ref }))
    const [a, b, again] = ['a', 'b', 'a'].map((end) => tagOf(`refs/heads/${'feature/'.repeat(40)}${end}`))
    expect(a?.tagNames[0]).toMatch(/^(?:feature-){14}feature-[0-9a-f]{8}$/)
    expect(a?.tagNames[0]).toHaveLength(128)
    expect(a?.tagNames).not.toEqual(b?.tagNames)
    expect(a?.tagNames).toEqual(again?.tagNames)
    expect(a?.notes).toEqual([
      `type=ref,event=branch gives ${a?.version ?? ''}: shortened from 321 to 128 characters, ending in a hash`,
    ])
  })

  test('that changes only where a tag has a dash stays apart when it is cut', () => {
    expect(makeTag(`${'x'.repeat(130)}/a`)?.name).not.toBe(makeTag(`${'x'.repeat(130)}:a`)?.name)
    expect(makeTag('x'.repeat(128))).toEqual({ name: 'x'.repeat(128) })
    expect(makeTag('x'.repeat(129))?.name).toHaveLength(128)
  })

  test('in a line is shown so that nothing acts on it', () => {
    const error = refusal(() =>
      resolveTags({ images: ['acme/web'], tags: ['type=\u001b[31mred\u0085\u2028'], flavor: [] }, context()),
    )
    expect(error.message).toBe(
      'tags: in the line "type=\\u001b[31mred\\u0085", the type "\\u001b[31mred\\u0085" is unknown',
    )
  })
})

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 300 }),
  fc.constantFrom(
    '$(id)',
    '`x`',
    '..',
    '-x',
    '\n',
    '{{sha}}',
    'v1.2.3',
    '1.0rc1',
    'feature/x',
    '日本',
    'x'.repeat(400),
  ),
)

const anyContext: fc.Arbitrary<NameContext> = fc.record({
  eventName: fc.constantFrom(
    'push',
    'pull_request',
    'pull_request_target',
    'schedule',
    'release',
    'delete',
    'merge_group',
  ),
  ref: fc
    .tuple(fc.constantFrom('refs/heads/', 'refs/tags/', 'refs/pull/', ''), nasty)
    .map(([folder, name]) => folder + name),
  sha: fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), nasty),
  baseRef: fc.option(nasty, { nil: undefined }),
  defaultBranch: fc.option(nasty, { nil: undefined }),
  prNumber: fc.option(fc.nat(), { nil: undefined }),
  prHeadSha: fc.option(nasty, { nil: undefined }),
  usePrHeadSha: fc.boolean(),
  shortShaLength: fc.integer({ min: 1, max: 64 }),
  repository: fc.record({ name: nasty, description: nasty, url: nasty, license: nasty }),
  now: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }),
  commitDate: fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }), {
    nil: undefined,
  }),
})

const template = fc
  .array(
    fc.oneof(
      fc.constantFrom('{{branch}}', '{{tag}}', '{{sha}}', '{{base_ref}}', "{{date 'YYYY-MM-DD LLLL' tz='Asia/Tokyo'}}"),
      fc.constantFrom('x', '-', '.', '_', '/', ' ', 'é', '{{version}}', '{{raw}}', '{{major}}'),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(''))

const anyRule = fc
  .tuple(
    fc.constantFrom(
      'type=schedule',
      'type=semver,pattern={{version}}',
      'type=semver,pattern={{raw}}',
      'type=pep440,pattern={{major}}.{{minor}}',
      'type=match,pattern=.+',
      'type=match,pattern=(\\d+)|(x),group=2',
      'type=edge',
      'type=ref,event=branch',
      'type=ref,event=tag',
      'type=ref,event=pr',
      'type=raw,value={{branch}}',
      'type=sha',
      'type=sha,format=long',
    ),
    fc.option(template),
    fc.option(template),
    fc.option(fc.integer({ min: -5, max: 2000 })),
    fc.option(fc.constantFrom('true', 'false', '{{is_default_branch}}', '{{is_not_default_branch}}')),
  )
  .map(([type, prefix, suffix, priority, enable]) =>
    [
      type,
      ...(prefix === null ? [] : [`prefix=${prefix}`]),
      ...(suffix === null ? [] : [`suffix=${suffix}`]),
      ...(priority === null ? [] : [`priority=${priority}`]),
      ...(enable === null ? [] : [`enable=${enable}`]),
    ].join(','),
  )

const anyFlavor = fc.tuple(
  fc.constantFrom('latest=auto', 'latest=true', 'latest=false', 'latest=highest'),
  template.map((text) => `prefix=${text},onlatest=true`),
  template.map((text) => `suffix=${text}`),
)

const images = ['acme/web', 'ghcr.io/acme/web', 'localhost:5000/web']

/** What a call gives, or the UserError that it is refused with; any other error fails the property. */
function attempt<T>(run: () => T): T | UserError {
  try {
    return run()
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
}

describe('any context and any rules', () => {
  test('give valid names, none twice, the same ones each time', () => {
    let sound = 0
    fc.assert(
      fc.property(
        anyContext,
        fc.array(anyRule, { maxLength: 6 }),
        anyFlavor,
        fc.array(nasty),
        (where, tags, flavor, existing) => {
          const names = attempt(() => resolveTags({ images, tags, flavor }, where, existing))
          if (names instanceof UserError) {
            // Expressions of a release stand in prefixes and suffixes here, where they are unknown.
            expect(names.message).toMatch(/^(?:tags|flavor): in the line .* \{\{(?:version|raw|major)\}\} is unknown$/)
            return
          }
          expectSound(names)
          expect(names.references).toHaveLength(names.tagNames.length * images.length)
          expect(resolveTags({ images, tags, flavor }, where, existing)).toEqual(names)
          sound++
        },
      ),
      runs(isExhaustive ? 200 : 60),
    )
    expect(sound).toBeGreaterThan(isExhaustive ? 60 : 18)
  })

  test('any lines at all are names or a clear error', () => {
    fc.assert(
      fc.property(fc.array(nasty), fc.array(nasty), fc.array(nasty), anyContext, (names, tags, flavor, where) => {
        const result = attempt(() => resolveTags({ images: names, tags, flavor }, where))
        if (!(result instanceof UserError)) {
          expectSound(result)
          return
        }
        // Lines to paste are lines of their own.
        const hint = (result.hint ?? '').replaceAll(/\n(?: {2}|(?:images|tags): \|$)/gm, '')
        expect([result.message, hint].filter((text) => active.test(text))).toEqual([])
      }),
      runs(200),
    )
  })

  test('one plain tag beside others that are not valid', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const result = attempt(() => resolveTags({ images: ['acme/web'], tags: ['good', text], flavor: [] }, context()))
        if (result instanceof UserError) expect(result.message).toMatch(/^tags: /)
        else expect(result.tagNames[0]).toBe('good')
      }),
      runs(100),
    )
  })

  test('rules of one priority keep the order of their lines', () => {
    const values = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_]{1,12}$/), { maxLength: 8 })
    fc.assert(
      fc.property(
        values,
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 8 }),
        (tags, priorities) => {
          const entries = tags.map((tag, index) => ({ tag, priority: priorities[index] ?? 0 }))
          const lines = entries.map(({ tag, priority }) => `type=raw,value=${tag},priority=${priority}`)
          const expected = [3, 2, 1, 0].flatMap((level) => entries.filter(({ priority }) => priority === level))
          const names = resolveTags(
            { images: ['acme/web'], tags: [...lines, 'type=raw,value=end,priority=-1'], flavor: [] },
            context(),
          )
          expect(names.tagNames).toEqual([...new Set([...expected.map(({ tag }) => tag), 'end'])])
        },
      ),
      runs(50),
    )
  })

  test('labels and annotations of ours are one line each', () => {
    fc.assert(
      fc.property(anyContext, nasty, (where, version) => {
        expect(listLabels(labelsOf([], commitFacts(version, where), where)).split('\n')).toHaveLength(8)
        const lines = listLabels(
          annotationsOf(['a={{branch}}{{tag}}{{base_ref}}'], commitFacts(version, where), where),
          'manifest:',
        ).split('\n')
        expect(lines.filter((line) => !line.startsWith('manifest:') || /\p{Cc}/u.test(line))).toEqual([])
      }),
      runs(50),
    )
  })

  test('any text is a tag or nothing, and a valid one is itself', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const tag = makeTag(text)
        if (tag === undefined) expect(text).not.toMatch(/[A-Za-z0-9_]/)
        else expect(isTag(tag.name)).toBe(true)
        if (isTag(text)) expect(tag).toEqual({ name: text })
      }),
      runs(),
    )
  })
})
