import { describe, expect, test } from '@jest/globals'
import { isTag } from '../../../src/metadata/reference-flaws.js'
import {
  formatReference,
  isUnqualified,
  parseName,
  parseReference,
  readRegistry,
} from '../../../src/metadata/reference.js'
import { refusal } from '../helpers.js'

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}`

describe('parseReference', () => {
  test.each([
    // Docker Hub by all its names
    ['alpine', 'docker.io/library/alpine'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['acme/web', 'docker.io/acme/web'],
    ['acme/web:1.2', 'docker.io/acme/web:1.2'],
    ['docker.io/alpine', 'docker.io/library/alpine'],
    ['docker.io/acme/web', 'docker.io/acme/web'],
    ['docker.io/library/alpine', 'docker.io/library/alpine'],
    ['index.docker.io/alpine', 'docker.io/library/alpine'],
    ['index.docker.io/acme/web', 'docker.io/acme/web'],
    ['registry-1.docker.io/acme/web', 'docker.io/acme/web'],
    ['Docker.IO/acme/web', 'docker.io/acme/web'],
    ['acme/team/web', 'docker.io/acme/team/web'],
    ['docker/io', 'docker.io/docker/io'],
    // what makes the first component a registry
    ['ghcr.io/acme/web', 'ghcr.io/acme/web'],
    ['GHCR.io/acme/web', 'ghcr.io/acme/web'],
    ['localhost/web', 'localhost/web'],
    ['LOCALHOST/web', 'localhost/web'],
    ['localhost:5000/web:1', 'localhost:5000/web:1'],
    ['registry:5000/web', 'registry:5000/web'],
    ['registry/web', 'docker.io/registry/web'],
    ['ACME/web', 'ACME/web'],
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['example.com:443/a/b/c/d:latest', 'example.com:443/a/b/c/d:latest'],
    ['127.0.0.1:5000/web', '127.0.0.1:5000/web'],
    ['[::1]:5000/web:1', '[::1]:5000/web:1'],
    ['[2001:db8::1]/web', '[2001:db8::1]/web'],
    ['xn--bcher-kva.example/web', 'xn--bcher-kva.example/web'],
    ['a-b.c-d.example/web', 'a-b.c-d.example/web'],
    // path components
    ['acme/my_web', 'docker.io/acme/my_web'],
    ['acme/my__web', 'docker.io/acme/my__web'],
    ['acme/my----web', 'docker.io/acme/my----web'],
    ['acme/my.web', 'docker.io/acme/my.web'],
    ['acme/0', 'docker.io/acme/0'],
    [`acme/${'a'.repeat(250)}`, `docker.io/acme/${'a'.repeat(250)}`],
    // tags and digests
    ['acme/web:V1_2.3-RC', 'docker.io/acme/web:V1_2.3-RC'],
    ['acme/web:_x', 'docker.io/acme/web:_x'],
    [`acme/web:${'x'.repeat(128)}`, `docker.io/acme/web:${'x'.repeat(128)}`],
    [`acme/web@${sha256}`, `docker.io/acme/web@${sha256}`],
    [`acme/web:1@${sha256}`, `docker.io/acme/web:1@${sha256}`],
    [`ghcr.io/acme/web@${sha512}`, `ghcr.io/acme/web@${sha512}`],
    [`localhost:5000/web@${sha256}`, `localhost:5000/web@${sha256}`],
    ['f'.repeat(63), `docker.io/library/${'f'.repeat(63)}`],
  ])('%s is %s', (text, whole) => {
    const reference = parseReference(text)
    expect(formatReference(reference)).toBe(whole)
    expect(parseReference(whole)).toEqual(reference)
  })

  test('its parts', () => {
    expect(parseReference(`registry.example:5000/team/web:1.2@${sha256}`)).toEqual({
      registry: 'registry.example:5000',
      repository: 'team/web',
      tag: '1.2',
      digest: sha256,
    })
    expect(Object.keys(parseReference('acme/web'))).toEqual(['registry', 'repository'])
  })

  test.each([
    ['', /empty/],
    ['  ', /empty/],
    ['https://ghcr.io/acme/web', /begins with https:\/\//],
    ['docker://acme/web', /begins with docker:\/\//],
    ['acme/Web', /repository "acme\/Web" has upper-case letters/],
    ['Web', /repository "Web" has upper-case letters/],
    ['ghcr.io/Acme/web:1', /repository "Acme\/web" has upper-case letters/],
    ['acme//web', /empty component/],
    ['/acme/web', /empty component/],
    ['acme/web/', /empty component/],
    ['ghcr.io/', /repository is missing/],
    [':1.2', /repository is missing/],
    [`@${sha256}`, /repository is missing/],
    ['acme/-web', /component "-web" has two separators in a row, or one at/],
    ['acme/web-', /component "web-" has two separators in a row, or one at/],
    ['acme/we___b', /component "we___b" has two separators in a row/],
    ['acme/we..b', /component "we..b" has two separators in a row/],
    ['acme/we._b', /component "we._b" has two separators in a row/],
    ['acme/we b', /has the character " "/],
    [' acme/web', /has the character " "/],
    ['acme/wéb', /has the character "é"/],
    ['acme/web\nx', /has the character "\\n"/],
    ['acme/$(id)', /has the character "\$"/],
    ['acme/we😀b', /has the character "😀"/],
    [`acme/${'a'.repeat(251)}`, /has 256 characters; at most 255/],
    ['-a.example/web', /"-a.example" is not a host name/],
    ['a_b.example/web', /"a_b.example" is not a host name/],
    ['a..example/web', /"a..example" is not a host name/],
    ['[::1/web', /is not a host name/],
    ['registry:port/web', /"port" is not a port/],
    ['registry:/web', /"" is not a port/],
    ['registry:65536/web', /"65536" is not a port/],
    ['registry:0/web', /"0" is not a port/],
    ['acme/web:', /tag after the colon is missing/],
    [`acme/web:${'x'.repeat(129)}`, /tag has 129 characters; at most 128/],
    ['acme/web:.x', /tag ".x" begins with "."/],
    ['acme/web:-x', /tag "-x" begins with "-"/],
    ['acme/web:a b', /tag "a b" has the character " "/],
    ['acme/web:a+b', /tag "a\+b" has the character "\+"/],
    ['acme/web:a:b', /tag "a:b" has the character ":"/],
    ['acme/web:1\n', /tag "1\\n" has the character "\\n"/],
    ['acme/web:1\u2028', /has the character "\\u2028"/],
    ['acme/web@', /digest "" has no known algorithm/],
    ['acme/web@md5:0123', /digest "md5:0123" has no known algorithm/],
    ['acme/web@toString:0123', /has no known algorithm/],
    ['acme/web@sha256:0123', /a sha256 digest has 64 digits/],
    [`acme/web@${sha256.toUpperCase().replace('SHA', 'sha')}`, /a sha256 digest has 64 digits of 0-9 and a-f/],
    [`acme/web@${sha256}:1`, /a sha256 digest has 64 digits/],
    ['f'.repeat(64), /image ID/],
  ])('%j is refused', (text, why) => {
    const { message } = refusal(() => parseReference(text))
    expect(message).toMatch(why)
    expect(message).toMatch(/ is not an image reference: /)
    expect(message).not.toMatch(/[\p{Cc}\u2028]/u)
  })

  const empty = 'If there is an expression, it is empty: check that its variable is set.'

  test.each([
    ['/a/b', `Write "a/b". ${empty}`],
    ['a//b', `Write "a/b". ${empty}`],
    ['a/b/', `Write "a/b". ${empty}`],
    ['ghcr.io//b', `Write "b". ${empty}`],
    ['ghcr.io/', `Write it after the registry. ${empty}`],
    ['ghcr.io//', empty],
    ['', `Write a name. ${empty}`],
    ['x/y:', `Write it there. ${empty}`],
    ['registry:65536/web', /^Write a number from 1 to 65535, registry:5000\./],
    ['web:feature/x', /type=ref,event=branch/],
    [`acme/${'a'.repeat(253)}`, 'Write a shorter name.'],
    [`acme/web:${'x'.repeat(129)}`, 'Write a shorter one.'],
    ['f'.repeat(64), /registry\/repository:tag/],
    ['a_b.example/web', /letters, digits, dashes and dots/],
    ['acme/web@sha256:0123', /remove the digest/],
  ])('%j has a hint', (text, hint) => {
    const got = refusal(() => parseReference(text)).hint
    if (typeof hint === 'string') expect(got).toBe(hint)
    else expect(got).toMatch(hint)
  })

  test.each(['ghcr.io/a/b:feature/x', 'localhost:5000/b:feature/x', 'a/b:feature/x'])(
    '%s has the name of a branch for its tag',
    (text) => {
      const { message, hint } = refusal(() => parseReference(text))
      expect(message).toContain('the tag "feature/x" has a slash')
      expect(hint).toContain('type=ref,event=branch in tags')
      expect(refusal(() => parseName(text)).hint).toContain(
        `${text.slice(0, -10)}" here, and type=ref,event=branch in tags`,
      )
    },
  )

  test('the message shows the text, and no password', () => {
    expect(refusal(() => parseReference('acme/web:a b')).message).toMatch(/^"acme\/web:a b" is not an image reference/)
    const leak = refusal(() => parseReference('https://me:hunter2@ghcr.io/web'))
    expect(leak.message).toContain('//…@ghcr.io/web')
    expect(leak.message).not.toContain('hunter2')
  })

  test('the cure is the line to write', () => {
    expect(refusal(() => parseReference('ghcr.io/Acme/Web')).hint).toBe('Write "acme/web".')
    expect(refusal(() => parseReference('https://ghcr.io/web')).hint).toMatch(/^Remove https:\/\/\./)
  })
})

describe('parseName', () => {
  test.each([
    ['acme/web', 'docker.io/acme/web'],
    ['localhost:5000/web', 'localhost:5000/web'],
    ['alpine', 'docker.io/library/alpine'],
  ])('%s is %s', (text, whole) => {
    expect(formatReference(parseName(text))).toBe(whole)
  })

  test.each([
    ['acme/web:1.2', /not have a tag/, 'Write "acme/web" here, and the tag "1.2" in tags.'],
    ['localhost:5000', /not have a tag/, 'Write "localhost" here, and the tag "5000" in tags.'],
    [`acme/web@${sha256}`, /not have a digest/, 'Write "acme/web".'],
    ['acme/Web', /upper-case/, 'Write "acme/web".'],
    ['https://ghcr.io/acme/web', /begins with/, undefined],
    ['', /empty/, undefined],
  ])('%j is refused', (text, why, hint) => {
    const error = refusal(() => parseName(text))
    expect(error.message).toMatch(why)
    if (hint !== undefined) expect(error.hint).toBe(hint)
  })
})

test.each([
  ['1', true],
  ['latest', true],
  ['_', true],
  ['A.b-c_d', true],
  ['x'.repeat(128), true],
  ['', false],
  ['.', false],
  ['-1', false],
  ['a/b', false],
  ['a:b', false],
  ['a\n', false],
  ['é', false],
  ['x'.repeat(129), false],
])('isTag %j: %s', (text, expected) => {
  expect(isTag(text)).toBe(expected)
})

describe('readRegistry', () => {
  test.each([
    ['', 'docker.io'],
    [' ', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1', 'docker.io'],
    ['ghcr.io', 'ghcr.io'],
    [' GHCR.io ', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['HTTPS://ghcr.io/', 'ghcr.io'],
    ['http://localhost:5000/', 'localhost:5000'],
    ['localhost', 'localhost'],
    ['registry:5000', 'registry:5000'],
    ['[::1]:5000', '[::1]:5000'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', '123456789012.dkr.ecr.eu-west-1.amazonaws.com'],
  ])('%j is %s', (text, registry) => {
    expect(readRegistry(text)).toStrictEqual({ registry, path: '' })
  })

  test.each([
    [
      'dockerhub',
      /without a dot/,
      'Write its full host name or its port, such as dockerhub:443; for Docker Hub, docker.io.',
    ],
    ['ftp://ghcr.io', /begins with ftp:/, 'Write ghcr.io.'],
    ['me:hunter2@ghcr.io', /contains a user name/, undefined],
    ['https://', /"" is not a host name/, undefined],
    ['gh cr.io', /"gh cr.io" is not a host name/, undefined],
    ['ghcr.io\nx', /is not a host name/, undefined],
    ['ghcr.io:99999', /"99999" is not a port/, undefined],
    ['-x.example', /is not a host name/, undefined],
    ['https://me:hunter2@ghcr.io', /contains a user name/, 'Use the inputs username and password.'],
  ])('%j is refused', (text, why, hint) => {
    const error = refusal(() => readRegistry(text))
    expect(error.message).toMatch(why)
    expect(error.message).toMatch(/ is not a registry: /)
    expect(error.message).not.toMatch(/hunter2|\n/)
    if (hint !== undefined) expect(error.hint).toBe(hint)
  })

  test.each([
    ['ghcr.io/acme', 'ghcr.io', 'acme'],
    ['https://Registry.example:5000/acme/team//', 'registry.example:5000', 'acme/team'],
    ['https://registry.example/v2/', 'registry.example', 'v2'],
    ['docker.io/acme', 'docker.io', 'acme'],
    ['https://index.docker.io/v1/acme', 'docker.io', 'v1/acme'],
  ])('%s has a path behind it', (text, registry, path) => {
    expect(readRegistry(text)).toStrictEqual({ registry, path })
  })
})

test.each([
  ['web', true],
  ['web:1', true],
  ['acme/web', true],
  ['localhost:5000', true],
  ['docker.io/web', false],
  ['localhost/web', false],
  ['registry:5000/web', false],
])('%s is on Docker Hub for want of a registry: %s', (name, expected) => {
  expect(isUnqualified(name)).toBe(expected)
})
