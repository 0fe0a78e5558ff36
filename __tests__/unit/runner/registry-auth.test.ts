import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { registryAuth, registryAuthNotes } from '../../../src/runner/registry-inputs.js'
import { parseYamlList } from '../../../src/runner/yaml-list.js'
import { everythingOf, reader, refusal } from '../helpers.js'

const read = (text: string, more: Readonly<Record<string, string>> = {}) =>
  registryAuth(reader({ 'registry-auth': text, push: 'true', ...more })).map(({ password, ...login }) => ({
    ...login,
    password: password.reveal(),
  }))

const TWO = `
# of the company
- registry: ghcr.io   # GitHub
  username: ada
  password: pass-1
- username: 'gr''ace'
  password: "two \\" quotes: # and \\u00e9"
  scope: acme/web
`

describe('registry-auth', () => {
  it('is a list of logins, Docker Hub where no registry is named', () => {
    expect(read(TWO)).toStrictEqual([
      { registry: 'ghcr.io', username: 'ada', password: 'pass-1', scope: undefined },
      { registry: 'docker.io', username: "gr'ace", password: 'two " quotes: # and é', scope: 'acme/web' },
    ])
    expect(
      read('[{"registry":"https://index.docker.io/v1/","username":"a","password":"b","ecr":"auto"}]'),
    ).toStrictEqual([{ registry: 'docker.io', username: 'a', password: 'b', scope: undefined }])
    expect(read('')).toStrictEqual([])
  })

  const refused: readonly (readonly [string, string, Record<string, string>?])[] = [
    ['- username: ada', 'entry 1 has no password, or an empty one'],
    ["- password: 'pass-77aa'\n", 'entry 1 has no username'],
    [
      '- registry: ghcr.io/acme\n  username: a\n  password: pass-77aa',
      'has the registry "ghcr.io/acme", which has a path',
    ],
    ['- registry: hub\n  username: a\n  password: pass-77aa', 'has a registry that is none'],
    ['- username: a\n  password: pass-77aa\n- username: b\n  password: c', 'two entries for "docker.io".'],
    ['- username: a\n  password: pass-77aa\n  scope: acme@push', 'knows none for pulls or pushes alone'],
    ['- username: a\n  password: pass-77aa\n  scope: ../acme', 'has the scope "../acme"'],
    ['- username: a\n  password: pass-77aa\n  token: b', 'has the key "token"'],
    ['- username: a\n  password: pass-77aa\n  ecr: true', 'has `ecr`'],
    ['- username: a\n  password: pass-77aa', 'can\'t be used with "username"', { username: 'me' }],
    ['- username: a\n  password: pass-77aa #b', "line 2 can't be read: what follows ` #`"],
    ['- username: a\n  password: pass: 77aa', "line 2 can't be read: its value has characters that mean"],
    ['- username: a\n  password: "pass-77aa', "line 2 can't be read: its value has characters that mean"],
    ['- username: a\n  password: "\\q77aa"', "line 2 can't be read: a backslash"],
    ['- username: a\n  password: |\n    pass-77aa', "line 2 can't be read"],
    ['- username: a\n password: pass-77aa', "line 2 can't be read: its key isn't below"],
    ['- username: a\n  password: b\n  pass-77aa', "line 3 can't be read: it is neither"],
    ['username: a\npassword: pass-77aa', "line 1 can't be read: it begins no entry"],
    ['- username: a\n  username: pass-77aa', "line 2 can't be read: it has username for the second time"],
    ['[{"password":"pass-77aa"', "line 1 can't be read: it begins a list in JSON"],
    ['[{"password":7788}]', "line 1 can't be read: its list has something else"],
  ]
  it.each(refused.map(([text, message, more = {}]) => [text, message, more] as const))(
    '%j is refused, without a word of it',
    (text, message, more) => {
      const error = refusal(() => read(text, more))
      expect(error.message).toMatch(/^Input "registry-auth"/)
      expect(error.message).toContain(message)
      expect(error.hint).toBeTruthy()
      expect(everythingOf(error)).not.toMatch(/77aa|7788/)
    },
  )

  it('leaves out entries without a password where nothing is pushed, and says so', () => {
    const text = '- registry: ghcr.io\n  username: ada\n  password:\n- username: b\n  password: c\n'
    expect(read(text, { push: '' })).toHaveLength(1)
    expect(registryAuthNotes(reader({ 'registry-auth': text }))).toStrictEqual([
      'Login: none for "ghcr.io"; "password" is empty, as secrets are in runs for pull requests from forks. Nothing is pushed, so only base images may need a login',
    ])
    expect(refusal(() => read(text)).message).toContain('entry 1 has no password')
    const outputs = { push: '', outputs: 'type=image,push=true' }
    expect(refusal(() => read(text, outputs)).message).toContain('entry 1 has no password')
  })
})

it.each([
  TWO,
  '-\n  a: b\n  c: d\n\n-\n  a: e',
  '  - a: b\n    c: d\n  - a: x-y_z.1/2@3',
  '-   a: b\n    c: d',
  '- a: pass#word\n  b: a:b\n  c: x-\n  d: ~x\n  e: a\'b"c',
  '- a: "x" # y\n  b: \'\'\n  c: ""\n  d:   \n  e: # z',
  '- a:\tb',
  '- a: $x\n  b: a*&!b\n  c: (x)^=<\\n;+',
])('what is read of %j is what YAML has', (text) => {
  const ours = parseYamlList(text, 'x', new Set()).map((entry) => Object.fromEntries(entry))
  const theirs = parse(text, { schema: 'failsafe' }) as Record<string, string | null>[]
  expect(ours).toStrictEqual(
    theirs.map((entry) => Object.fromEntries(Object.entries(entry).map(([k, v]) => [k, v ?? '']))),
  )
})
