import { describe, expect, test } from '@jest/globals'
import { UserError } from '../../../src/errors.js'
import type { NameContext } from '../../../src/metadata/ref-context.js'
import { describeNames, tagLines } from '../../../src/metadata/metadata.js'
import { formatReference } from '../../../src/metadata/reference.js'
import { needsExistingTags, noTags, resolveTags } from '../../../src/metadata/tags.js'
import { context, events, headSha, sha, type EventName } from './events.js'
import { matrix } from './matrix.js'
import { refusal } from '../helpers.js'

/** The references of a call, whole. */
function references(images: string[], tags: string[], where = context(), flavor: string[] = []): string[] {
  return resolveTags({ images, tags, flavor }, where).references.map(formatReference)
}

/** The tags that rules give for one image. */
function tagsOf(tags: string[], where: NameContext, flavor: string[] = [], existing?: string[]): readonly string[] {
  return resolveTags({ images: ['acme/web'], tags, flavor }, where, existing).tagNames
}

const cells = matrix.flatMap(({ tags, flavor, expected }) =>
  (Object.keys(events) as EventName[]).map((event) => ({ tags, flavor, event, names: expected[event] })),
)

describe('tags by event, rules and flavor', () => {
  test.each(cells)('$event: $tags, flavor $flavor: $names', ({ tags, flavor, event, names }) => {
    const result = resolveTags({ images: ['acme/web'], tags, flavor }, events[event])
    const expected = names === '-' ? [] : names.split(' ')
    expect(result.tagNames).toEqual(expected)
    expect(result.version).toBe(expected[0] ?? '')
    expect(result.references.map(formatReference)).toEqual(expected.map((tag) => `docker.io/acme/web:${tag}`))
    expect(result.warnings).toEqual([])
    if (expected.length === 0) expect(result.notes).toHaveLength(tags.length)
  })
})

describe('Git tags', () => {
  test.each([
    ['v1.2.3', 'type=semver,pattern={{raw}}', 'v1.2.3 latest'],
    ['v1.2.3', 'type=semver,pattern=v{{raw}}', 'vv1.2.3 latest'],
    ['v1.2.3+build.5', 'type=semver,pattern={{version}}', '1.2.3 latest'],
    ['v1.2.3+build.5', 'type=semver,pattern={{raw}}', 'v1.2.3-build.5 latest'],
    ['v1.2.3-alpha+5', 'type=semver,pattern={{ raw }}', 'v1.2.3-alpha-5'],
    ['v1.2.3-alpha', 'type=semver,pattern={{raw}}{{sha}}', '1.2.3-alpha'],
    ['v1.2.3-rc/1', 'type=semver,pattern={{version}}', '1.2.3-rc-1'],
    ['1.2', 'type=semver,pattern={{version}}', '-'],
    ['v01.2.3', 'type=semver,pattern={{version}}', '-'],
    ['web/v1.2.3', 'type=semver,pattern={{version}}', '-'],
    ['web/v1.2.3', 'type=semver,pattern={{version}},match=v(\\d.\\d.\\d)$', '1.2.3 latest'],
    ['web/v1.2.3', 'type=semver,pattern={{version}},match=\\d.\\d.\\d$', '1.2.3 latest'],
    ['v1.2.3', 'type=semver,pattern={{version}},match=^api/(.*)', '1.2.3 latest'],
    ['v1.2.3', 'type=semver,pattern={{version}}-{{sha}}', '1.2.3-8c3d1f0 latest'],
    ['v0.0.0', 'type=semver,pattern={{major}}', '0 latest'],
    ['1.2', 'type=pep440,pattern={{version}}', '1.2 latest'],
    ['1.2', 'type=pep440,pattern={{major}}.{{minor}}.{{patch}}', '1.2.0 latest'],
    ['1.0.dev4', 'type=pep440,pattern={{major}}.{{minor}}', '1.0.dev4'],
    ['1.0dev4', 'type=pep440,pattern={{major}}.{{minor}}', '1.0.dev4'],
    ['1.2.3-1', 'type=pep440,pattern={{major}}', '1.2.3.post1'],
    ['1.2.3beta2', 'type=pep440,pattern={{major}}', '1.2.3b2'],
    ['v1.2.3RC2', 'type=pep440,pattern={{raw}}', 'v1.2.3RC2'],
    ['1!2.0', 'type=pep440,pattern={{version}}', '1-2.0 latest'],
    ['2026.03.07', 'type=pep440,pattern={{version}}', '2026.3.7 latest'],
    ['1.0+ubuntu_1', 'type=pep440,pattern={{version}}', '1.0-ubuntu.1 latest'],
    ['99999999999999999999.1', 'type=pep440,pattern={{major}}', '-'],
    ['1.x', 'type=pep440,pattern={{version}}', '-'],
    ['20260110-RC2', 'type=match,pattern=\\d+', '20260110 latest'],
    ['v2.0.8-beta.67', 'type=match,pattern=v(.*),group=1', '2.0.8-beta.67 latest'],
    ['v1.2.3', 'type=match,pattern=v(.*),group=2', '-'],
    ['v1.2.3', 'type=match,pattern=(x)|v,group=1', '-'],
    ['v1.2.3', 'type=match,pattern=release', '-'],
    ['v12.3', 'type=match,"pattern=v(\\d{1,3})",group=1', '12 latest'],
    ['web/v1', 'type=ref,event=tag', 'web-v1 latest'],
    ['Foo_Bar', 'type=ref,event=tag', 'Foo_Bar latest'],
  ])('%s with %s: %s', (tag, rule, names) => {
    expect(tagsOf([rule], context({ ref: `refs/tags/${tag}` })).join(' ') || '-').toBe(names)
  })
})

describe('the commit', () => {
  test.each<[string, Partial<NameContext>, string]>([
    ['type=sha', {}, 'sha-8c3d1f0'],
    ['type=sha', { shortShaLength: 12 }, 'sha-8c3d1f0a5b6e'],
    ['type=raw,value=c{{sha}}', { shortShaLength: 4 }, 'c8c3d'],
    ['type=sha', { shortShaLength: 99 }, `sha-${sha}`],
    ['type=sha,format=long', {}, `sha-${sha}`],
    ['type=sha', { ...events.fork, usePrHeadSha: true }, 'sha-feedc0d'],
    ['type=sha,format=long', { ...events.target, usePrHeadSha: true }, `sha-${headSha}`],
    ['type=sha', { ...events.fork, usePrHeadSha: false }, 'sha-8c3d1f0'],
    ['type=sha', { prHeadSha: headSha, usePrHeadSha: true }, 'sha-8c3d1f0'],
    ['type=sha', { ...events.fork, prHeadSha: undefined, usePrHeadSha: true }, 'sha-8c3d1f0'],
  ])('%s with %j: %s', (rule, changes, expected) => {
    expect(tagsOf([rule], context(changes))).toEqual([expected])
  })
})

describe('the default branch', () => {
  const rule = ['type=raw,value=yes,enable={{is_default_branch}}']
  test.each<[Partial<NameContext>, boolean]>([
    [{}, true],
    [{ ref: 'refs/heads/dev' }, false],
    [{ ref: 'refs/tags/main' }, false],
    [{ defaultBranch: 'dev' }, false],
    [{ defaultBranch: undefined }, false],
    [{ eventName: 'schedule', defaultBranch: undefined }, true],
    [{ eventName: 'issues', ref: 'refs/heads/trunk' }, true],
    [{ eventName: 'discussion_comment', ref: 'refs/heads/trunk' }, true],
    [{ eventName: 'create', ref: 'refs/tags/v1' }, true],
    [{ eventName: 'release', ref: 'refs/tags/v1' }, false],
    [{ eventName: 'workflow_run' }, true],
    [{ ref: '' }, false],
    [{ ref: '', eventName: 'schedule' }, false],
  ])('%j: %s', (changes, expected) => {
    expect(tagsOf(rule, context(changes))).toEqual(expected ? ['yes'] : [])
  })

  test('type=edge without a known default branch gives nothing and says so', () => {
    const { tagNames, notes } = resolveTags(
      { images: ['acme/web'], tags: ['type=edge'], flavor: [] },
      context({ defaultBranch: undefined }),
    )
    expect(tagNames).toEqual([])
    expect(notes).toEqual(['type=edge gives no tag: the default branch is not known'])
  })
})

describe('latest=highest', () => {
  const version = 'type=semver,pattern={{version}}'
  const webTag = 'type=match,pattern=web/v(\\d+\\.\\d+\\.\\d+)$,group=1'
  test.each<[string, string, string, string[], boolean]>([
    ['the first release', 'v1.0.0', version, [], true],
    ['a new line', 'v2.0.0', version, ['v1.9.9', 'v1.4.2'], true],
    ['a patch of an old line', 'v1.4.3', version, ['v1.4.2', 'v2.0.0'], false],
    ['by the tags of a registry', 'v1.4.3', version, ['1.4.2', '2.0.0', '2.0', '2', 'latest', 'sha-1234567'], false],
    ['numbers, not letters', 'v1.10.0', version, ['v1.9.0'], true],
    ['itself, built once more', 'v2.0.0', version, ['v2.0.0', '2.0.0'], true],
    ['a pre-release of the next line', 'v1.4.3', version, ['v2.0.0-rc.1'], true],
    ['a pre-release never', 'v3.0.0-rc.1', version, ['v2.0.0'], false],
    ['other tags', 'v1.0.0', version, ['nightly', 'main', '20260110', 'v9', '9.1'], true],
    ['with an affix of its own', 'v1.0.0', `${version},suffix=-alpine`, ['2.0.0-alpine'], false],
    ['with a higher version of its own', 'v3.0.0', `${version},prefix=web-`, ['web-2.0.0', '1.0.0'], true],
    [
      'of one product of several',
      'web/v1.0.0',
      `${version},match=^web/(.*)`,
      ['web/v0.9.0', 'api/v7.0.0', 'v8.0.0'],
      true,
    ],
    ['of one product, an old line', 'web/v1.0.0', `${version},match=^web/(.*)`, ['web/v2.0.0', 'api/v1.0.0'], false],
    ['PEP 440', '1.10', 'type=pep440,pattern={{version}}', ['1.9', '1.9.post1', '2.0rc1', '20260110'], true],
    ['PEP 440, an old line', '1.10', 'type=pep440,pattern={{version}}', ['1.11'], false],
    ['PEP 440, an epoch', '2024.1', 'type=pep440,pattern={{version}}', ['1!1.0'], false],
    ['a Git tag that is a version', 'v1.4.3', 'type=ref,event=tag', ['v2.0.0'], false],
    ['a Git tag that is the highest', 'v2.0.1', 'type=ref,event=tag', ['v2.0.0'], true],
    ['a Git tag that is a pre-release', 'v2.0.1-rc.1', 'type=ref,event=tag', ['v2.0.0'], false],
    ['a Git tag that is no version', 'spring', 'type=ref,event=tag', [], false],
    ['what a pattern finds', 'v2.0.1-slim', 'type=match,pattern=\\d+\\.\\d+\\.\\d+', ['v2.0.0'], true],
    ['of one product, by a pattern', 'web/v1.4.2', webTag, ['web/v1.4.2', 'web/v1.5.0'], false],
    ['of one product, by a pattern, beside others', 'web/v1.5.0', webTag, ['web/v1.4.2', 'v3.0.0', 'api/v7.0.0'], true],
    ['of one product, the first of it, by a pattern', 'web/v1.0.0', webTag, ['v3.0.0'], true],
    ['of one product, the first of it', 'web/v1.0.0', `${version},match=^web/(.*)`, ['v8.0.0', 'api/v7.0.0'], true],
    ['all that a pattern finds', 'v1.4.2-slim', 'type=match,pattern=\\d+\\.\\d+\\.\\d+', ['v2.0.0-slim'], false],
    [
      'by another group',
      'rel-2-v1.4.2',
      'type=match,pattern=rel-(\\d)-v(.+),group=2',
      ['rel-1-v1.9.0', 'v3.0.0'],
      false,
    ],
    ['a group that others lack', 'v1-1.4.2', 'type=match,pattern=v(\\d)(?:-(.+))?$,group=2', ['v3', 'v1-1.4.0'], true],
    ['of no product, beside one', 'v1.4.2', `${version},match=^web/(.*)`, ['v1.4.2', 'web/v9.0.0'], true],
    ['of no product, an old line', 'v1.4.2', `${version},match=^web/(.*)`, ['v1.5.0', 'web/v1.0.0'], false],
    ['a rule that is not about releases', 'v1.0.0', 'type=sha', [], false],
  ])('%s: %s', (_case, tag, rule, existing, moves) => {
    const names = tagsOf([rule], context({ ref: `refs/tags/${tag}` }), ['latest=highest'], existing)
    expect(names.includes('latest')).toBe(moves)
    expect(names.length).toBe(moves ? 2 : 1)
  })

  test('says which version is in the way', () => {
    const where = context({ ref: 'refs/tags/v1.4.3' })
    const { notes } = resolveTags({ images: ['acme/web'], tags: [version], flavor: ['latest=highest'] }, where, [
      'v1.5.0',
      'v2.1.0',
      'v2.0.0',
    ])
    expect(notes).toEqual(['latest is not moved: v2.1.0 is higher than v1.4.3'])
  })

  test('keeps latest where it is when nobody looked the tags up', () => {
    const { tagNames, notes } = resolveTags(
      { images: ['acme/web'], tags: [version], flavor: ['latest=highest'] },
      events.tag,
    )
    expect(tagNames).toEqual(['1.4.2'])
    expect(notes).toEqual(['latest is not moved: the existing tags are not known'])
  })

  test('says nothing of latest on an event that is not about a release', () => {
    expect(
      resolveTags({ images: ['acme/web'], tags: ['type=sha'], flavor: ['latest=highest'] }, events.main, []).notes,
    ).toEqual([])
  })

  test('is the only flavor that needs the tags', () => {
    expect(needsExistingTags(['latest=highest'], context())).toBe(true)
    expect(needsExistingTags(['latest=auto', 'prefix=highest'], context())).toBe(false)
    expect(needsExistingTags([], context())).toBe(false)
  })
})

describe('plain tags and full references', () => {
  test('a plain tag goes to every image', () => {
    expect(references(['acme/web', 'ghcr.io/acme/web'], ['1.2.3', 'latest'])).toEqual([
      'docker.io/acme/web:1.2.3',
      'docker.io/acme/web:latest',
      'ghcr.io/acme/web:1.2.3',
      'ghcr.io/acme/web:latest',
    ])
  })

  test.each<[string, string[], string[], string[]]>([
    ['a full reference stays', [], ['docker.io/acme/web:1.2.3'], ['docker.io/acme/web:1.2.3']],
    ['beside images', ['acme/web'], ['1', 'ghcr.io/acme/api:2'], ['docker.io/acme/web:1', 'ghcr.io/acme/api:2']],
    ['several on a line', [], ['acme/web:1,ghcr.io/acme/web:1'], ['docker.io/acme/web:1', 'ghcr.io/acme/web:1']],
    ['a port', [], ['localhost:5000/web:1'], ['localhost:5000/web:1']],
    ['one name', [], ['web:test'], ['docker.io/library/web:test']],
    ['no tag, no images', [], ['acme/web'], ['docker.io/acme/web:latest']],
    ['a slash beside images', ['acme/web'], ['feature/x'], ['docker.io/acme/web:feature-x']],
    ['upper case', [], ['ghcr.io/Acme/Web:RC1'], ['ghcr.io/acme/web:RC1']],
    ['comments and blank lines', ['# a', 'acme/web'], ['', '# none', '  1  '], ['docker.io/acme/web:1']],
    ['a name that rules give too', ['acme/web'], ['type=raw,value=1', 'acme/web:1'], ['docker.io/acme/web:1']],
    ['a tag that a rule gives too', ['acme/web'], ['main', 'type=ref,event=branch'], ['docker.io/acme/web:main']],
    [
      'a tag that latest is too',
      ['acme/web'],
      ['latest', 'type=semver,pattern={{version}},value=1.0.0'],
      ['docker.io/acme/web:1.0.0', 'docker.io/acme/web:latest'],
    ],
    ['an expression that says the same', ['acme/web'], ['{{branch}}', 'main'], ['docker.io/acme/web:main']],
    ['a value with a colon', ['acme/web'], ['type=raw,value=a:b'], ['docker.io/acme/web:a-b']],
    ['white space in an attribute', ['acme/web'], ['type=raw,value=a b'], ['docker.io/acme/web:a-b']],
    ['white space in an expression', ['acme/web'], ["{{date 'YYYY MM'}}"], ['docker.io/acme/web:2026-03']],
    ['a zone without value=', ['acme/web'], ["d{{date 'YY' tz='Asia/Tokyo'}}"], ['docker.io/acme/web:d26']],
  ])('%s', (_case, images, tags, expected) => {
    expect(references(images, tags)).toEqual(expected)
  })

  test('a full reference gives the version where no rule does', () => {
    const { version, tagNames } = resolveTags(
      { images: ['acme/web'], tags: ['type=semver,pattern={{version}}', 'acme/web:7'], flavor: [] },
      context(),
    )
    expect(version).toBe('7')
    expect(tagNames).toEqual(['7'])
  })

  test.each<[string, string]>([
    ['"type=raw,value=x"', 'x'],
    ['"type=match,""pattern=v(\\d{1,3})"",group=1"', '12 latest'],
    ['type=match, "pattern=v(\\d{1,3})",group=1', '12 latest'],
    ['"Edge,enable=true"', 'Edge'],
    ['"type=sha"', 'sha-8c3d1f0'],
    ['"latest"', 'latest'],
    ['"value=a,b"', 'a-b'],
    ['"value=a""b"', 'a-b'],
    ['""', '-'],
  ])('a line that is quoted as a whole, %s: %s', (line, expected) => {
    expect(tagsOf([line, 'type=ref,event=pr'], context({ ref: 'refs/tags/v12.3' })).join(' ') || '-').toBe(expected)
  })

  test.each([
    ',enable=false',
    'type=raw,value=,enable=false',
    'type=ref,event=,enable=false',
    'type=sha,format=,priority=,enable=false',
    'type=match,pattern=,group=,enable=false',
    'type=semver,pattern=,enable=false',
  ])('an empty variable in a rule that is disabled is no mistake: %s', (line) => {
    const { tagNames, notes } = resolveTags({ images: ['acme/web'], tags: [line, 'x'], flavor: [] }, context())
    expect(tagNames).toEqual(['x'])
    expect(notes).toEqual([`${line} gives no tag: it is disabled by enable=false`])
  })

  test('an empty variable before attributes is an empty value', () => {
    expect(resolveTags({ images: ['acme/web'], tags: [',enable=true', 'x'], flavor: [] }, context()).notes).toEqual([
      ',enable=true gives no tag: its value is empty',
    ])
    expect(references([',enable=false', 'acme/web'], ['x,'])).toEqual(['docker.io/acme/web:x'])
  })

  test.each([
    ['type=ref,event=,enable=true', /event is ""/],
    ['type=sha,priority=,enable={{is_default_branch}}', /priority is ""/],
    ['type=ref,event=x,enable=false', /event is "x"/],
    ['type=sha,nope=,enable=false', /nope/],
  ])('%s is a mistake all the same', (line, message) => {
    expect(refusal(() => references(['acme/web'], [line])).message).toMatch(message)
  })

  test.each<[string, string[], string[], RegExp, RegExp]>([
    [
      'no image',
      [],
      ['1.2.3'],
      /plain tag "1\.2\.3" has no image/,
      /`images: ghcr\.io\/\$\{\{ github\.repository \}\}`, or a full reference in tags/,
    ],
    ['no image, beside a reference', [], ['acme/web:1', '1'], /plain tag "1" has no image/, /`images: ghcr/],
    ['twice', ['acme/web'], ['1', '1'], /the line "1" appears twice, for docker\.io\/acme\/web:1/, /Remove one/],
    [
      'twice when written',
      ['acme/web'],
      ['a+b', 'a/b'],
      /"a\+b" and "a\/b", for docker\.io\/acme\/web:a-b/,
      /Remove one/,
    ],
    ['twice in full', [], ['acme/web:1', 'docker.io/acme/web:1'], /for docker\.io\/acme\/web:1/, /Remove one/],
    ['twice on a line', [], ['acme/web:1,acme/web:1'], /appears twice/, /Remove one/],
    ['plain and in full', ['acme/web', 'acme/api'], ['1', 'acme/api:1'], /"1" and "acme\/api:1"/, /Remove one/],
    [
      'two on a line',
      ['acme/web'],
      ['1,2'],
      /in the line "1,2", there are 2 tags/,
      /its own:\ntags: \|\n {2}1\n {2}2$/,
    ],
    ['two on a line, quoted', ['acme/web'], ['"1,2"'], /there are 2 tags/, /its own:\ntags: \|\n {2}1\n {2}2$/],
    [
      'white space',
      ['acme/web'],
      ['latest 1.0'],
      /"latest 1.0" has white space/,
      /its own:\ntags: \|\n {2}latest\n {2}1.0$/,
    ],
    ['a tabulator', ['acme/web'], ['1\t2\u00a03'], /"1\\t2\\u00a03" has white space/, /\n {2}1\n {2}2\n {2}3$/],
    [
      'white space before attributes',
      ['acme/web'],
      ['a b,enable=true'],
      /"a b" has white space/,
      /\n {2}a,enable=true\n {2}b,enable=true$/,
    ],
    [
      'white space between expressions',
      ['acme/web'],
      ["{{sha}} d{{date 'YYYY MM'}}"],
      /has white space/,
      /\n {2}\{\{sha\}\}\n {2}d\{\{date 'YYYY MM'\}\}$/,
    ],
    [
      'white space between references',
      [],
      ['quay.io/acme/web:1 quay.io/acme/web:2'],
      /has white space/,
      /\n {2}quay.io\/acme\/web:1\n {2}quay.io\/acme\/web:2$/,
    ],
    [
      'a bad reference',
      [],
      ['acme/web:.x'],
      /tags: in the line "acme\/web:\.x", .*begins with "\."/,
      /A tag begins with/,
    ],
    ['a scheme', [], ['https://ghcr.io/acme/web:1'], /begins with https:\/\//, /Remove/],
    ['a digest', [], [`acme/web@sha256:${'0'.repeat(64)}`], /has a digest/, /Remove the digest/],
    [
      'attributes',
      ['acme/web'],
      ['acme/web:1,enable=false'],
      /something else next to a full reference/,
      /must be alone/,
    ],
    [
      'an expression',
      ['acme/web'],
      ['acme/web:{{sha}}'],
      /full reference can't contain an expression/,
      /type=raw,value=/,
    ],
    ['a line break', ['acme/web'], ['1\n2'], /"1\\n2", it holds a line break/, /one entry per line/],
    ['quotes', ['acme/web'], ['value="1"'], /its quotes can't be read/, /quoted whole/],
  ])('%s is refused', (_case, images, tags, message, hint) => {
    const error = refusal(() => references(images, tags))
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^tags: /)
    expect(error.hint).toMatch(hint)
  })

  test('an error of an expression names the line', () => {
    const rule = 'type=raw,value={{nope}}'
    const error = refusal(() => references(['acme/web'], ['1', rule]))
    expect(error.message).toBe('tags: in the line "type=raw,value={{nope}}", the expression {{nope}} is unknown')
    expect(error.hint).toMatch(/^Known here are branch, tag, sha, base_ref, .*date/)
  })

  test.each([
    ['enable=yes', /enable is "yes"/],
    ['enable=', /enable is ""/],
    ['enable={{branch}}', /enable is "main"/],
  ])('type=sha,%s is refused', (attribute, message) => {
    expect(refusal(() => references(['acme/web'], [`type=sha,${attribute}`])).message).toMatch(message)
  })
})

describe('what the log says', () => {
  test.each<[string, EventName, string]>([
    ['type=schedule', 'main', 'the event "push" on "refs/heads/main" is not a schedule'],
    [
      'type=semver,pattern={{version}}',
      'main',
      'the event "push" on "refs/heads/main" is not a tag, and the rule has no value',
    ],
    ['type=semver,pattern={{version}},value=one', 'main', '"one" is not a semantic version'],
    [
      'type=semver,pattern={{version}},value=one,match=v(.*)',
      'main',
      'v(.*) does not match and "one" is not a semantic version',
    ],
    ['type=pep440,pattern={{version}},value=one', 'main', '"one" is not a PEP 440 version'],
    ['type=match,pattern=x', 'tag', 'x does not match "v1.4.2"'],
    ['type=match,pattern=v,group=1', 'tag', 'v has no group 1 in "v1.4.2"'],
    ['type=edge,branch=next', 'main', 'the event "push" on "refs/heads/main" is not the branch "next"'],
    ['type=ref,event=pr', 'tag', 'the event "push" on "refs/tags/v1.4.2" is not a pull request'],
    ['type=ref,event=tag', 'fork', 'the event "pull_request" on "refs/pull/7/merge" is not a tag'],
    ['type=raw,value={{tag}}', 'main', 'its value is empty'],
    ['type=sha,enable=false', 'main', 'it is disabled by enable=false'],
    ['type=sha,enable={{is_default_branch}}', 'topic', 'it is disabled by enable=false'],
    ['type=raw,value=--', 'main', 'no character of "--" is allowed in a tag'],
  ])('%s on %s', (rule, event, why) => {
    expect(resolveTags({ images: ['acme/web'], tags: [rule], flavor: [] }, events[event]).notes).toEqual([
      `${rule} gives no tag: ${why}`,
    ])
  })

  test('a disabled rule is not read further', () => {
    expect(tagsOf(["type=raw,value={{date 'YYYY' tz='Nowhere/No'}},enable=false", 'x'], context())).toEqual(['x'])
  })

  test('no commit', () => {
    expect(resolveTags({ images: ['acme/web'], tags: ['type=sha'], flavor: [] }, context({ sha: '' })).notes).toEqual([
      'type=sha gives no tag: the event has no commit',
    ])
  })

  test.each<[string, string[], string[], string]>([
    [
      'upper case in a name',
      ['GHCR.io/Acme/Web'],
      ['1'],
      'images: "GHCR.io/Acme/Web" is changed to "ghcr.io/acme/web", ',
    ],
    [
      'upper case in a reference',
      [],
      ['ghcr.io/Acme/web:A'],
      'tags: "ghcr.io/Acme/web:A" is changed to "ghcr.io/acme/web:A", ',
    ],
    ['a name twice', ['acme/web', 'docker.io/acme/web'], ['1'], 'images: docker.io/acme/web appears twice'],
    [
      'an attribute without a meaning',
      ['acme/web'],
      ['type=sha,event=tag'],
      'tags: "type=sha,event=tag": event has no effect with type=sha',
    ],
    ['a plain tag that is none', ['acme/web'], ['a+b'], 'tags: "a+b" is not a valid tag; using a-b'],
    ['rules without images', [], ['type=sha'], 'images: there is no image for the rules in tags to apply to'],
    ['images without tags', ['acme/web'], ['acme/api:1'], 'images: no plain tag and no rule in tags applies to them'],
    ['images that are all disabled', ['acme/web,enable=false'], ['1'], 'images: every name is disabled'],
  ])('warns of %s', (_case, images, tags, warning) => {
    const { warnings } = resolveTags({ images, tags, flavor: [] }, context())
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(new RegExp(`^${warning.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
  })

  test('nothing to push is an error with the event and every reason', () => {
    const names = resolveTags(
      { images: ['acme/web'], tags: ['type=schedule', 'type=ref,event=tag'], flavor: [] },
      events.topic,
    )
    const error = noTags(names, events.topic)
    expect(error).toBeInstanceOf(UserError)
    expect(error.message.split('\n')).toEqual([
      'Input "push" is true, and there is nothing to push: no rule in tags gives a tag for the event "push" on "refs/heads/feature/Login_page"',
      '- type=schedule gives no tag: the event "push" on "refs/heads/feature/Login_page" is not a schedule',
      '- type=ref,event=tag gives no tag: the event "push" on "refs/heads/feature/Login_page" is not a tag',
    ])
    expect(error.hint).toMatch(/type=ref,event=branch/)
  })

  test('tags without an image to push are another', () => {
    const error = noTags(resolveTags({ images: [], tags: [], flavor: [] }, events.tag), events.tag)
    expect(error.message).toBe(
      'Input "push" is true, and there is nothing to push: images has no name for the tags v1.4.2, latest',
    )
    expect(error.hint).toBe(
      'Write the name of the image: `images: ghcr.io/${{ github.repository }}`, or another one, such as `images: docker.io/acme/web`.',
    )
  })

  test('rules without an image still give tag names and a version', () => {
    const {
      references: none,
      tagNames,
      version,
      warnings,
    } = resolveTags({ images: [], tags: [], flavor: [] }, events.tag)
    expect(none).toEqual([])
    expect(warnings).toEqual([])
    expect(tagNames).toEqual(['v1.4.2', 'latest'])
    expect(version).toBe('v1.4.2')
  })

  test.each<[string[], string[], string]>([
    [[], ['type=sha', 'type=ref,event=tag'], 'v1.4.2 sha-8c3d1f0 latest'],
    [[], ['type=sha', 'ghcr.io/acme/web:1'], 'sha-8c3d1f0 ghcr.io/acme/web:1'],
    [['acme/web,enable=false'], ['x'], 'x'],
    [['acme/web,enable=false', 'acme/api'], ['x'], 'docker.io/acme/api:x'],
    [[], ['acme/web:1'], 'docker.io/acme/web:1'],
  ])('the output tags of images %j and tags %j: %s', (images, tags, expected) => {
    const names = resolveTags({ images, tags, flavor: [] }, events.tag)
    expect(tagLines(names).join(' ')).toBe(expected)
    expect(describeNames(names, new Map(), new Map()).tags.join(' ')).toBe(expected)
  })

  test.each<[string[], string[], string]>([
    [['Web', 'acme/web,enable=false', 'GHCR.io/web'], ['1'], 'images web docker.io, images ghcr.io/web ghcr.io'],
    [
      ['web'],
      ['1', 'docker.io/Web:A', 'api:2'],
      'images web docker.io, tags docker.io/web:A docker.io, tags api:2 docker.io',
    ],
    [[], ['acme/web'], 'tags acme/web docker.io'],
    [['docker.io/acme/web', 'acme/web'], ['type=ref,event=tag'], 'images docker.io/acme/web docker.io'],
  ])('of images %j and tags %j, these names are written: %s', (images, tags, expected) => {
    const { written } = resolveTags({ images, tags, flavor: [] }, context())
    expect(written.map(({ input, name, registry }) => `${input} ${name} ${registry}`).join(', ')).toBe(expected)
  })

  test.each<[string[], string[], string]>([
    [['Web', 'acme/web,enable=false', 'ghcr.io/web'], ['1'], 'docker.io/library/web ghcr.io/web'],
    [['ghcr.io/web', 'web'], ['type=semver,pattern={{version}}'], 'ghcr.io/web docker.io/library/web'],
    [['web'], ['1', 'docker.io/web:A', 'api:2'], 'docker.io/library/web docker.io/library/api'],
    [['web'], ['type=ref,event=tag', 'api:2'], 'docker.io/library/web docker.io/library/api'],
    [['WEB,enable=false', 'name=,enable=false'], [], 'docker.io/library/web'],
    [['web,enable=false'], ['api:2'], 'docker.io/library/api'],
    [[], [], ''],
  ])('images %j and tags %j are in %s', (images, tags, expected) => {
    const { repositories } = resolveTags({ images, tags, flavor: [] }, context())
    expect(repositories.map(formatReference).join(' ')).toBe(expected)
  })

  test('only rules of the default that are about another event need not be said', () => {
    const { notes, expected } = resolveTags(
      { images: ['acme/web'], tags: [], flavor: [] },
      context({ ref: 'refs/heads/\u529f\u80fd' }),
    )
    expect(notes.filter((note) => !expected.has(note))).toEqual([
      'type=ref,event=branch gives no tag: no character of "\u529f\u80fd" is allowed in a tag',
    ])
    expect(expected.size).toBe(3)
  })

  test.each([
    ['refs/heads/\u529f\u80fd', [], 'Add a rule that does to tags, such as type=sha.'],
    [
      'refs/heads/main',
      ['type=ref,event=tag'],
      'Add a rule that does to tags, such as type=sha or type=ref,event=branch.',
    ],
    [
      'refs/tags/v1',
      ['type=ref,event=branch'],
      'Add a rule that does to tags, such as type=sha or type=ref,event=tag.',
    ],
    [
      'refs/pull/7/merge',
      ['type=ref,event=tag'],
      'Add a rule that does to tags, such as type=sha or type=ref,event=pr.',
    ],
    ['', ['type=ref,event=tag'], 'Add a rule that does to tags, such as type=sha.'],
  ])('on %s with %j, the cure is a rule that does: %s', (ref, tags, hint) => {
    const where = context({ ref })
    expect(noTags(resolveTags({ images: ['acme/web'], tags, flavor: [] }, where), where).hint).toBe(hint)
  })

  test('an empty prefix of a rule is its own, not the one of the flavor', () => {
    expect(tagsOf(['type=sha,prefix='], context(), ['prefix=web-'])).toEqual(['8c3d1f0'])
  })

  test('an expression in a prefix of latest is put in', () => {
    expect(tagsOf(['type=sha'], context(), ['latest=true', 'prefix={{branch}}-,onlatest=true'])).toEqual([
      'sha-8c3d1f0',
      'main-latest',
    ])
  })
})
