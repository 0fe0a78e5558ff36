import { describe, expect, it } from '@jest/globals'
import { registriesConf } from '../../src/engine/config.js'

const short = 'unqualified-search-registries = ["docker.io"]'
const insecure = (host: string) => `[[registry]]\nlocation = "${host}"\ninsecure = true`

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
      'the old form can’t be mixed with the new one',
      '[registries.search]\nregistries = ["docker.io"]',
      [],
      ['a:1'],
      undefined,
    ],
  ])('%s', (_, main, dropIns, hosts, expected) => {
    expect(registriesConf(main, dropIns, hosts)).toBe(expected)
  })
})
