import { describe, expect, it } from '@jest/globals'
import { formatReference } from '../../../../../src/metadata/reference.js'
import { resolveName } from '../../../../../src/engine/buildah/registries/registries-conf.js'

/** Exactly as GitHub's Ubuntu images had it until July 2026. */
const V1 = "[registries.search]\nregistries = ['docker.io', 'quay.io']\n"
const digest = `sha256:${'a'.repeat(64)}`
const registry = (...lines: string[]) => ['[[registry]]', ...lines].join('\n')
const mirror = (...lines: string[]) => ['[[registry.mirror]]', ...lines].join('\n')

/** Where the image is pulled from as texts, the sources without TLS with a `!` in front. */
async function sourcesOf(name: string, ...texts: string[]): Promise<string[] | string> {
  const resolved = await resolveName(texts, name)
  if ('unknown' in resolved) return resolved.unknown
  return resolved.candidates
    .flatMap(({ sources }) => sources)
    .map(({ reference, insecure }) => `${insecure ? '!' : ''}${formatReference(reference)}`)
}

/** What the storage may know the image by. */
async function namesOf(name: string, ...texts: string[]): Promise<string[] | string> {
  const resolved = await resolveName(texts, name)
  return 'unknown' in resolved ? resolved.unknown : resolved.candidates.map((one) => formatReference(one.name))
}

describe('resolveName', () => {
  it.each<[name: string, texts: string[], sources: string[]]>([
    // nothing configured
    ['debian:12', [], ['docker.io/library/debian:12']],
    ['acme/web', [''], ['docker.io/acme/web:latest']],
    ['ghcr.io/acme/web:1', ['# nothing'], ['ghcr.io/acme/web:1']],
    [`debian:12@${digest}`, [], [`docker.io/library/debian@${digest}`]],
    // short names
    ['debian', ['unqualified-search-registries = ["quay.io"]'], ['quay.io/debian:latest']],
    ['acme/web:1', ['unqualified-search-registries = ["docker.io"]'], ['docker.io/acme/web:1']],
    ['localhost/web', ['unqualified-search-registries = ["quay.io"]'], ['localhost/web:latest']],
    ['localhost:5000/web', [], ['localhost:5000/web:latest']],
    [
      'debian',
      ['unqualified-search-registries = ["quay.io", "docker.io"]', 'unqualified-search-registries = ["ghcr.io"]'],
      ['ghcr.io/debian:latest'],
    ],
    // aliases
    ['fedora:41', ['[aliases]\n"fedora" = "registry.example.com/fedora"'], ['registry.example.com/fedora:41']],
    [`acme/web@${digest}`, ['[aliases]\n"acme/web" = "quay.io/a/b"'], [`quay.io/a/b@${digest}`]],
    ['fedora', ['[aliases]\nfedora = "quay.io/a/b"', '[aliases]\nfedora = "quay.io/c/d"'], ['quay.io/c/d:latest']],
    ['fedora', ['[aliases]\nfedora = "quay.io/a/b"', '[aliases]\nfedora = ""'], ['docker.io/library/fedora:latest']],
    ['docker.io/library/fedora', ['[aliases]\nfedora = "quay.io/a/b"'], ['docker.io/library/fedora:latest']],
    [
      'fedora',
      ['unqualified-search-registries = ["a.com", "b.com"]\n[aliases]\nfedora = "quay.io/a/b"'],
      ['quay.io/a/b:latest'],
    ],
    // several registries for short names, in the order in which they are tried
    [
      'golang:1',
      ['unqualified-search-registries = ["docker.io", "quay.io"]'],
      ['docker.io/library/golang:1', 'quay.io/golang:1'],
    ],
    [
      'acme/web',
      [
        'unqualified-search-registries = ["docker.io", "quay.io"]\nshort-name-mode = "permissive"',
        `${registry('location = "docker.io"')}\n${mirror('location = "m.local"')}`,
      ],
      ['m.local/acme/web:latest', 'docker.io/acme/web:latest', 'quay.io/acme/web:latest'],
    ],
    [`a@${digest}`, [V1], [`docker.io/library/a@${digest}`, `quay.io/a@${digest}`]],
    ['quay.io/a/b', ['unqualified-search-registries = ["docker.io", "quay.io"]'], ['quay.io/a/b:latest']],
    [
      'debian',
      ['short-name-mode = "enforcing"\nunqualified-search-registries = ["quay.io"]'],
      ['quay.io/debian:latest'],
    ],
    // version 1 of the format
    ['golang', [V1], ['docker.io/library/golang:latest', 'quay.io/golang:latest']],
    ['quay.io/a/b:1', [V1], ['quay.io/a/b:1']],
    ['h:5000/a', ["[registries.insecure]\nregistries = ['h:5000/']"], ['!h:5000/a:latest']],
    ['a', ['[registries]\nsearch = { registries = ["q.io"] }'], ['q.io/a:latest']],
    ['a', ['[registries.search]\nregistries = []'], ['docker.io/library/a:latest']],
    ['fedora', [V1, '[aliases]\nfedora = "quay.io/a/b"'], ['quay.io/a/b:latest']],
    ['golang', [V1, 'unqualified-search-registries = ["ghcr.io"]'], ['ghcr.io/golang:latest']],
    [
      'docker.io/library/debian',
      [V1, `${registry('location = "docker.io"')}\n${mirror('location = "m.local"')}`],
      ['m.local/library/debian:latest', 'docker.io/library/debian:latest'],
    ],
    // one registry
    ['host:5000/a:1', [registry('location = "host:5000"', 'insecure = true')], ['!host:5000/a:1']],
    ['host:5001/a:1', [registry('location = "host:5000"', 'insecure = true')], ['host:5001/a:1']],
    [
      'example.com/foo/image',
      [registry('prefix = "example.com/foo"', 'location = "internal.example.net/bar"')],
      ['internal.example.net/bar/image:latest'],
    ],
    [
      'example.com/foobar',
      [registry('prefix = "example.com/foo"', 'location = "x.com"')],
      ['example.com/foobar:latest'],
    ],
    ['debian', [registry('prefix = "docker.io/library"', 'location = "m.com/hub"')], ['m.com/hub/debian:latest']],
    ['debian', [registry('prefix = "docker.io/debian"', 'location = "m.com"')], ['docker.io/library/debian:latest']],
    ['a.com/b:1', [registry('prefix = "a.com/b:1"', 'location = "c.com/d:2"')], ['c.com/d:2']],
    ['a.com/b', [registry('location = "a.com/"', 'insecure = true')], ['!a.com/b:latest']],
    // the longest
    [
      'a.com/b/c',
      [
        registry('prefix = "a.com/b"', 'location = "two.com"'),
        registry('prefix = "a.com"', 'location = "one.com"'),
        registry('prefix = "a.com/b/c/d"', 'location = "four.com"'),
      ],
      ['two.com/c:latest'],
    ],
    // wildcards
    ['x.y.example.com/a', [registry('prefix = "*.example.com"', 'insecure = true')], ['!x.y.example.com/a:latest']],
    ['x.example.com/a', [registry('prefix = "*.example.com"', 'location = "m.com"')], ['m.com/a:latest']],
    ['example.com/a', [registry('prefix = "*.example.com"', 'location = "m.com"')], ['example.com/a:latest']],
    ['a.com/x.example.com', [registry('prefix = "*.example.com"', 'insecure = true')], ['a.com/x.example.com:latest']],
    ['x.example.com.au/a', [registry('prefix = "*.example.com"', 'insecure = true')], ['x.example.com.au/a:latest']],
    // mirrors
    [
      'example.com/foo/image',
      [
        registry('prefix = "example.com/foo"', 'location = "real.com/bar"') +
          `\n${mirror('location = "m0.local/foo"')}\n${mirror('location = "m1.local"', 'insecure = true')}`,
      ],
      ['m0.local/foo/image:latest', '!m1.local/image:latest', 'real.com/bar/image:latest'],
    ],
    [
      'a.com/b',
      [
        `${registry('location = "a.com"')}\n${mirror('location = "d.com"', 'pull-from-mirror = "digest-only"')}\n${mirror('location = "t.com"', 'pull-from-mirror = "tag-only"')}`,
      ],
      ['t.com/b:latest', 'a.com/b:latest'],
    ],
    [
      `a.com/b@${digest}`,
      [
        `${registry('location = "a.com"')}\n${mirror('location = "d.com"', 'pull-from-mirror = "digest-only"')}\n${mirror('location = "t.com"', 'pull-from-mirror = "tag-only"')}`,
      ],
      [`d.com/b@${digest}`, `a.com/b@${digest}`],
    ],
    [
      'a.com/b',
      [`${registry('location = "a.com"', 'mirror-by-digest-only = true')}\n${mirror('location = "d.com"')}`],
      ['a.com/b:latest'],
    ],
    // drop-ins
    [
      'a.com/b',
      [registry('location = "a.com"'), registry('prefix = "a.com"', 'location = "later.com"')],
      ['later.com/b:latest'],
    ],
  ])('%s with %j', async (name, texts, sources) => {
    expect(await sourcesOf(name, ...texts)).toStrictEqual(sources)
  })

  it.each<[name: string, texts: string[], why: string]>([
    [
      'debian',
      ['unqualified-search-registries = ["a.com", "b.com"]\nshort-name-mode = "enforcing"'],
      'several registries are searched for "debian", and short-name-mode is "enforcing"',
    ],
    ['debian', ['short-name-mode = "strict"'], "can't be"],
    ['debian', ['unqualified-search-registries = []'], 'no registry is searched'],
    ['a.com/b', [registry('location = "a.com"', 'blocked = true')], '"a.com" is blocked'],
    ['a.com/b', ["[registries.block]\nregistries = ['a.com']"], '"a.com" is blocked'],
    ['a.com/b', ['', V1], 'a file of registries.conf.d is in version 1'],
    ['a.com/b', [`unqualified-search-registries = ["a.com"]\n${V1}`], 'it mixes version 1'],
    ['a.com/b', ['[registries.search]\nregistries = "a.com"'], 'registries.search is not a list of strings'],
    ['a.com/b', ["[registries.insecure]\nregistries = ['http://a.com']"], 'must not begin with http://'],
    ['a.com/b', ['[[registry'], "isn't TOML"],
    ['a.com/b', ['a = 1\na = 2'], "isn't TOML"],
    ['a.com/b', ['unqualified-search-registries = "a.com"'], 'not a list of strings'],
    ['a.com/b', ['[registry]\nlocation = "a.com"'], '[[registry]]'],
    ['a.com/b', [registry('location = 1')], 'location is not a string'],
    ['a.com/b', [registry('location = "a.com"', 'insecure = "true"')], 'insecure is neither'],
    ['a.com/b', [registry('insecure = true')], 'has no location'],
    ['a.com/b', [registry('prefix = "a.com"')], 'has no location'],
    ['a.com/b', [registry('location = "https://a.com"')], 'must not begin with http://'],
    ['a.com/b', [`${registry('location = "a.com"')}\n${mirror('insecure = true')}`], 'a mirror has no location'],
    [
      'a.com/b',
      [`${registry('location = "a.com"')}\n${mirror('location = "b.com"', 'pull-from-mirror = "x"')}`],
      "can't be",
    ],
    [
      'a.com/b',
      [registry('location = "a.com"'), registry('prefix = "b.com"', 'location = "a.com"', 'insecure = true')],
      'contradict',
    ],
    ['a.com:5000/b', [registry('location = "a.com"', 'insecure = true')], '"a.com:5000" isn\'t'],
    ['fedora', ['[aliases]\nfedora = "library/fedora"'], 'not a name with its registry and nothing else'],
    ['fedora', ['[aliases]\nfedora = "quay.io/a/b:1"'], 'not a name with its registry and nothing else'],
    ['a.com/b', [registry('prefix = "a.com/b"', 'location = "NO SUCH"')], 'is not an image reference'],
    ['A b', [], 'is not an image reference'],
  ])('%s with %j is unknown', async (name, texts, why) => {
    expect(await sourcesOf(name, ...texts)).toContain(why)
  })

  it('knows an image by the name that was asked for, wherever it is pulled from', async () => {
    const moved = `${registry('prefix = "docker.io/library"', 'location = "real.com/hub"')}\n${mirror('location = "m.com"')}`
    expect(await sourcesOf('debian', V1, moved)).toStrictEqual([
      'm.com/debian:latest',
      'real.com/hub/debian:latest',
      'quay.io/debian:latest',
    ])
    expect(await namesOf('debian', V1, moved)).toStrictEqual([
      'docker.io/library/debian:latest',
      'quay.io/debian:latest',
    ])
  })

  it('shows of a text only what a log can take', async () => {
    expect(await sourcesOf('a.com/b', registry('location = "http://a\\u001b[31m"'))).toContain('\\u001b[31m')
  })
})
