import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { readRegistriesConf, registriesConf, withOnePath } from '../../../../src/engine/buildah/containers-conf.js'
import type { WorkDir } from '../../../../src/engine/work-dir.js'
import { temporaryFolder } from '../../helpers.js'

const short = 'unqualified-search-registries = ["docker.io"]'
const insecure = (host: string) => `[[registry]]\nlocation = "${host}"\ninsecure = true`

/** A home with a folder of drop-ins, and perhaps a main file. */
function homeWith(files: Readonly<Record<string, string>>): WorkDir {
  const home = temporaryFolder()
  mkdirSync(join(home, '.config/containers/registries.conf.d'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, '.config/containers', name), text)
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home, prefix: [], reason: '' }
  return { path: join(home, 'private'), buildUser, env: {} }
}

describe('registriesConf', () => {
  it.each<[string, string, string[], string[], string | undefined]>([
    ['nothing is there: short names are Docker Hub’s', '', [], [], `${short}\n\n`],
    [
      'the user says where short names are: nothing to add',
      'unqualified-search-registries = ["quay.io"]',
      [],
      [],
      undefined,
    ],
    ['a drop-in says it', '', ['unqualified-search-registries=["quay.io"]'], [], undefined],
    ['said with an indent', '  unqualified-search-registries = []', [], [], undefined],
    [
      'a comment says nothing',
      '# unqualified-search-registries = ["example.com"]',
      [],
      [],
      `${short}\n# unqualified-search-registries = ["example.com"]\n`,
    ],
    [
      'a registry without TLS, behind what the user has',
      'unqualified-search-registries = ["quay.io"]\n[[registry]]\nlocation = "a.example"\n',
      [],
      ['localhost:5000'],
      `unqualified-search-registries = ["quay.io"]\n[[registry]]\nlocation = "a.example"\n${insecure('localhost:5000')}\n`,
    ],
    [
      'both, the key of the top level in front of every table',
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"',
      [],
      ['localhost:5000', 'c.example'],
      `${short}\n[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\n${insecure('localhost:5000')}\n${insecure('c.example')}\n`,
    ],
    [
      'what the user says of that registry stands',
      'unqualified-search-registries = ["quay.io"]\n[[registry]]\nlocation = "localhost:5000"\ninsecure = false',
      [],
      ['localhost:5000'],
      undefined,
    ],
    [
      'also by its prefix, in a drop-in',
      'unqualified-search-registries = ["quay.io"]',
      ['[[registry]]\nprefix = "localhost:5000"\nlocation = "elsewhere"'],
      ['localhost:5000'],
      undefined,
    ],
    [
      'also in single quotes, which TOML has too',
      'unqualified-search-registries = ["quay.io"]',
      ["[[registry]]\nlocation = 'localhost:5000'"],
      ['localhost:5000'],
      undefined,
    ],
    [
      'another port is another registry',
      'unqualified-search-registries = ["quay.io"]\n[[registry]]\nlocation = "localhost:50001"',
      [],
      ['localhost:5000'],
      `unqualified-search-registries = ["quay.io"]\n[[registry]]\nlocation = "localhost:50001"\n${insecure('localhost:5000')}\n`,
    ],
    [
      'a registry without TLS, beside version 1 of the format as GitHub’s images had it',
      "[registries.search]\nregistries = ['docker.io', 'quay.io']\n",
      [],
      ['localhost:5000'],
      `unqualified-search-registries = ["docker.io","quay.io"]\n${insecure('localhost:5000')}\n`,
    ],
    [
      'all that version 1 can say, and short names are Docker Hub’s where it says nothing of them',
      "[registries.insecure]\nregistries = ['a.example', 'b.example']\n[registries.block]\nregistries = ['b.example/c', 'a.example']",
      [],
      ['a.example'],
      `${short}\n[[registry]]\nlocation = "b.example/c"\nblocked = true\n[[registry]]\nlocation = "a.example"\ninsecure = true\nblocked = true\n[[registry]]\nlocation = "b.example"\ninsecure = true\n`,
    ],
    ['version 1 with nothing to add', "[registries.search]\nregistries = ['docker.io']", [], [], undefined],
    [
      'what Buildah refuses is left to Buildah',
      "unqualified-search-registries = ['a.example']\n[registries.search]\nregistries = ['docker.io']",
      [],
      [],
      undefined,
    ],
  ])('%s', async (_, main, dropIns, hosts, expected) => {
    expect(await registriesConf(main, dropIns, hosts)).toBe(expected)
  })
})

describe('readRegistriesConf', () => {
  const dropIns = {
    'registries.conf.d/2.conf': 'two',
    'registries.conf.d/1.conf': 'one',
    'registries.conf.d/0.txt': 'no',
  }

  it('reads drop-ins by their names, and beside a main file of the user’s own none of the machine’s', async () => {
    const folder = homeWith({ 'registries.conf': 'own', ...dropIns })
    expect(await readRegistriesConf(folder)).toStrictEqual({
      main: 'own',
      dropIns: ['one', 'two'],
      dropInFolder: join(folder.buildUser.home, '.config/containers/registries.conf.d'),
    })
  })

  it('reads the drop-ins of both behind a main file that a variable names', async () => {
    const folder = homeWith({ 'registries.conf': 'own', 'other.conf': 'other', ...dropIns })
    const named = join(folder.buildUser.home, '.config/containers/other.conf')
    const read = await readRegistriesConf({ ...folder, env: { CONTAINERS_REGISTRIES_CONF: named } })
    expect(read).toMatchObject({ main: 'other', dropInFolder: undefined })
    expect(read.dropIns.slice(-2)).toStrictEqual(['one', 'two'])
  })
})

describe('withOnePath', () => {
  const [graph, rootless] = ['graphroot = "/r"\n', 'rootless_storage_path = "/r"\n']
  const text = `[storage]\n${graph}${rootless}runroot = "/run"\n`

  it.each([
    ['1.28.2', 1000, text],
    ['1.43.2', 0, text],
    ['1.45.0', 1000, text.replace(graph, '')],
    ['1.45.0', 0, text.replace(rootless, '')],
  ])('Buildah %s of user %i', (version, uid, expected) => {
    expect(withOnePath(text, { version }, uid)).toBe(expected)
  })
})
