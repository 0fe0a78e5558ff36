import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { insecureRegistries } from '../../../../../src/engine/buildah/registries/insecure-registries.js'
import { parseReference } from '../../../../../src/metadata/reference.js'
import { temporaryFolder } from '../../../helpers.js'

const table = (lines: string) => `[[registry]]\n${lines}\n`
const references = ['h.example:5000/acme/web:1', 'h.example/acme/web:1'].map(parseReference)

it.each<[what: string, text: string, expected: string[]]>([
  ['nothing is configured', '', []],
  ['a registry is named', table('location = "h.example:5000"\ninsecure = true'), ['h.example:5000']],
  [
    'a repository is named',
    table('prefix = "h.example/acme"\nlocation = "h.example/acme"\ninsecure = true'),
    ['h.example'],
  ],
  ['it is said otherwise', table('location = "h.example"\ninsecure = false'), []],
  ['another registry is named', table('location = "other.example"\ninsecure = true'), []],
  [
    'only a mirror is',
    `${table('location = "h.example"')}[[registry.mirror]]\nlocation = "m.example"\ninsecure = true\n`,
    [],
  ],
  ['version 1 names it', '[registries.insecure]\nregistries = ["h.example"]\n', ['h.example']],
  ['it is no TOML', '[[registry]\ninsecure = true', []],
])('where %s', async (_, text, expected) => {
  const home = temporaryFolder()
  mkdirSync(join(home, '.config/containers'), { recursive: true })
  writeFileSync(join(home, '.config/containers/registries.conf'), text)
  expect(await insecureRegistries(references, { env: {}, buildUser: { home } })).toStrictEqual(expected)
})
