import { describe, expect, it } from '@jest/globals'
import {
  indexKey,
  indexPath,
  indexPrefix,
  lookupRefs,
  branchFolder,
  buildRecordKey,
  buildRecordPath,
  buildRecordPrefix,
  ownRef,
  partKey,
  partPath,
  type ScopeFacts,
  scopeOf,
} from '../../../src/cache/key.js'
import { eventOf } from '../helpers.js'

const web: ScopeFacts = {
  scope: undefined,
  images: ['docker.io/acme/web'],
  context: '.',
  file: 'Dockerfile',
  target: undefined,
  platform: 'linux/amd64',
  repository: 'acme/web',
}
const idOf = (changes: Partial<ScopeFacts>) => scopeOf({ ...web, ...changes }).id

const hostile = [
  'a,b,,',
  'x'.repeat(600),
  'größe 👍🏽 \u202e',
  'a\nb\r\n::set-output name=x::y',
  '../../etc',
  '',
  'A B',
  '\0',
  '$(id)',
]

describe('the scope', () => {
  it.each<[changes: Partial<ScopeFacts>, text: string]>([
    [{}, 'image "docker.io/acme/web", file "Dockerfile", platform "linux/amd64"'],
    [{ target: 'prod' }, 'image "docker.io/acme/web", file "Dockerfile", target "prod", platform "linux/amd64"'],
    [{ images: [], file: undefined }, 'context ".", platform "linux/amd64"'],
    [{ images: ['b', 'a', 'b'] }, 'image "a", image "b", file "Dockerfile", platform "linux/amd64"'],
    [{ isOfStages: true }, 'image "docker.io/acme/web", file "Dockerfile", platform "linux/amd64", of "shared stages"'],
    [{ scope: 'mine' }, 'scope "mine", file "Dockerfile", platform "linux/amd64"'],
    [{ scope: 'a\n::error::b' }, 'scope "a\\n::error::b", file "Dockerfile", platform "linux/amd64"'],
    [
      { images: [], context: 'https://host/r.git#4f2a:sub' },
      'context "https://host/r.git#:sub", file "Dockerfile", platform "linux/amd64"',
    ],
  ])('%j is made of %s', (changes, text) => {
    const scope = scopeOf({ ...web, ...changes })
    expect(scope.text).toBe(text)
    expect(scope.id).toMatch(/^[0-9a-f]{16}$/)
  })

  it.each<[what: string, one: Partial<ScopeFacts>, other: Partial<ScopeFacts>]>([
    ['the order of names', { images: ['a', 'b'] }, { images: ['b', 'a'] }],
    ['the context of a named image', { context: '.' }, { context: 'app' }],
    ['images of a named scope', { scope: 's', images: ['a'] }, { scope: 's', images: ['b'] }],
    ['how the path of the Dockerfile is written', { file: 'Dockerfile' }, { file: './Dockerfile' }],
    ['the branch of a Git context', { images: [], context: 'git@h:r' }, { images: [], context: 'git@h:r#main' }],
    [
      'the commit of a Git context',
      { images: [], context: 'https://host/r.git#aa:sub' },
      { images: [], context: 'https://host/r.git#bb:sub' },
    ],
  ])('does not depend on %s', (_, one, other) => {
    expect(idOf(one)).toBe(idOf(other))
  })

  it.each<[what: string, one: Partial<ScopeFacts>, other: Partial<ScopeFacts>]>([
    ['images', { images: ['a'] }, { images: ['b'] }],
    ['the number of images', { images: ['a'] }, { images: ['a', 'b'] }],
    ['the context where no image is named', { images: [], context: 'a' }, { images: [], context: 'b' }],
    ['a # in a path', { images: [], context: 'a#1' }, { images: [], context: 'a#2' }],
    ['the folder in a Git context', { images: [], context: 'git@h:r#x:a' }, { images: [], context: 'git@h:r#x:b' }],
    ['the scope', { scope: 'a' }, { scope: 'b' }],
    ['a scope that is called like the image', {}, { scope: 'docker.io/acme/web' }],
    ['a context that is called like the image', { images: ['a'] }, { images: [], context: 'a' }],
    ['the Dockerfile', { file: 'a' }, { file: 'b' }],
    ['a Dockerfile that is called like the target', { file: 'a' }, { file: undefined, target: 'a' }],
    ['the target', { target: 'a' }, { target: 'b' }],
    ['the platform', { platform: 'linux/amd64' }, { platform: 'linux/arm64' }],
    ['the repository', { repository: 'acme/web' }, { repository: 'evil/web' }],
    ['the repository of a named scope', { scope: 's' }, { scope: 's', repository: 'evil/web' }],
    ['where a name ends', { images: ['a', 'b'] }, { images: ['a","b'] }],
  ])('depends on %s', (_, one, other) => {
    expect(idOf(one)).not.toBe(idOf(other))
  })
})

describe('keys', () => {
  // No comma, 512 characters, all lower case: act stores keys so, and an entry must come back under its own.
  const valid = /^[a-z0-9][a-z0-9-]{0,511}$/

  it.each(hostile)('are valid whatever a scope, a ref and a run are called: %j', (text) => {
    const { id } = scopeOf({ ...web, scope: text, target: text, file: text })
    expect(indexKey(id, text, text)).toMatch(valid)
    expect(indexKey(id, text, text).startsWith(indexPrefix(id, text))).toBe(true)
    expect(indexPath(text)).toMatch(/^index-[0-9a-f]{12}\.json$/)
    expect(buildRecordKey(id, text, text)).toMatch(valid)
    expect(buildRecordKey(id, text, text).startsWith(buildRecordPrefix(id, text))).toBe(true)
  })

  it('are these, so that entries of before are found', () => {
    expect(indexPrefix('0123456789abcdef', 'refs/heads/main')).toBe('rib1-i-0123456789abcdef-f921bd05e68b-')
    expect(indexKey('0123456789abcdef', 'refs/heads/main', '77-1-abc')).toBe(
      'rib1-i-0123456789abcdef-f921bd05e68b-77-1-abc',
    )
    expect(indexPath('refs/heads/main')).toBe('index-f921bd05e68b.json')
    expect(partKey('ab12')).toBe('rib1-p-ab12')
    expect(partPath('ab12')).toBe('part-ab12')
    expect(buildRecordPrefix('0123456789abcdef', 'refs/heads/main')).toBe('rib1-n-0123456789abcdef-f921bd05e68b-')
    expect(buildRecordKey('0123456789abcdef', 'refs/heads/main', '77-1-abc')).toBe(
      'rib1-n-0123456789abcdef-f921bd05e68b-77-1-abc',
    )
    expect(buildRecordPath('refs/heads/main')).toBe('note-f921bd05e68b.json')
    expect(branchFolder('refs/heads/main')).toBe('branch-f921bd05e68b')
    expect(idOf({})).toBe('68e6f648cec22dfb')
  })

  it('of one ref are not found by the prefix of another', () => {
    const [scope, main, other] = ['0123456789abcdef', 'refs/heads/main', 'refs/heads/main-2']
    expect(indexKey(scope, other, '1').startsWith(indexPrefix(scope, main))).toBe(false)
    expect(buildRecordKey(scope, other, '1').startsWith(buildRecordPrefix(scope, main))).toBe(false)
  })

  it('of a note of one scope are not found by the prefix of another, nor by that of an index', () => {
    const [scope, main] = ['0123456789abcdef', 'refs/heads/main']
    const key = buildRecordKey(scope, main, '1')
    expect(key.startsWith(buildRecordPrefix('0123456789abcde', main))).toBe(false)
    expect(key.startsWith(indexPrefix(scope, main))).toBe(false)
    expect(indexKey(scope, main, '1').startsWith(buildRecordPrefix(scope, main))).toBe(false)
  })

  it('differ where runs do, however they are called', () => {
    const runs = ['1-1-a', '1-1-b', '1-1-B', 'x'.repeat(101), 'x'.repeat(102), '']
    const keys = [
      ...runs.map((text) => indexKey('s', 'r', text)),
      ...runs.map((text) => buildRecordKey('s', 'r', text)),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('the refs whose indexes a run may use', () => {
  const [main, feature, release, pull] = [
    'refs/heads/main',
    'refs/heads/feature',
    'refs/heads/release',
    'refs/pull/7/merge',
  ]
  it.each([
    ['a push to the default branch', { ref: main, defaultBranch: main }, [main]],
    ['a push to another branch', { ref: feature, defaultBranch: main }, [feature, main]],
    ['a pull request', { ref: pull, baseRef: main, defaultBranch: main }, [pull, main]],
    ['a pull request to another branch', { ref: pull, baseRef: release, defaultBranch: main }, [pull, release, main]],
    ['pull_request_target', { ref: release, baseRef: release, defaultBranch: main }, [release, main]],
    ['a tag', { ref: 'refs/tags/v1', defaultBranch: main }, ['refs/tags/v1', main]],
    ['no event', { ref: '', defaultBranch: undefined }, ['local']],
    ['no ref', { ref: '', defaultBranch: main }, ['local', main]],
  ])('%s', (_, changes, expected) => {
    expect(lookupRefs(eventOf(changes))).toStrictEqual(expected)
    expect(ownRef(eventOf(changes))).toBe(expected[0])
  })
})
