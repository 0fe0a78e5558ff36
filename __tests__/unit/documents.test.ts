import { readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

import { describe, expect, test } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'

import { BUILDKIT_SINCE, DIFFERENCES } from '../../src/engine/docker/parity.js'
import { FAULTS } from '../../src/engine/known-faults.js'
import { parseInputs } from '../../src/inputs.js'
import { differences } from '../harness/differences.js'
import { below, root, text, yamlBlocks } from './project-files.js'

const sources = below('src')
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.slice('src/'.length))

/** The cells of the first table below a heading, its header left out. */
function tableBelow(document: string, heading: string): string[][] {
  const section = text(document).split(`\n${heading}\n`)[1] ?? ''
  const first = section.split('\n\n').find((block) => block.trimStart().startsWith('|')) ?? ''
  return first
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** What stands between backticks, blocks of code left out. */
const codes = (text: string) =>
  [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')

describe('examples', () => {
  const copied = below('examples')
    .filter((path) => path.endsWith('.yml'))
    .map((name) => ({ name, yaml: text(name) }))
  const action = parse(text('action.yml')) as { inputs: Record<string, unknown> }

  type Given = Readonly<Record<string, string | number | boolean>>

  /** All steps with this action, wherever they are in the block. */
  function ours(value: unknown): Given[] {
    if (typeof value !== 'object' || value === null) return []
    const { uses, with: inputs } = value as { uses?: unknown; with?: Given }
    const own = typeof uses === 'string' && uses.includes('/rootless-image-build@') ? [inputs ?? {}] : []
    return [...own, ...Object.values(value).flatMap((inner: unknown) => ours(inner))]
  }

  const steps = [...yamlBlocks, ...copied].flatMap(({ name, yaml }) =>
    parseAllDocuments(yaml)
      .flatMap((parsed) => ours(parsed.toJS()))
      .map((inputs) => ({ name, inputs })),
  )

  test('are there', () => {
    expect(steps.length).toBeGreaterThan(3)
  })

  test.each(steps)('$name is what the action takes', ({ inputs }) => {
    // What an expression gives isn't known here; `true` is something that every input takes.
    const value = (name: string) => (inputs[name] ?? '').toString().replaceAll(/\$\{\{.*?\}\}/g, 'true')
    expect(Object.keys(inputs).filter((name) => !(name in action.inputs))).toStrictEqual([])
    expect(() => parseInputs(value, {})).not.toThrow()
  })
})

describe('docs/engines.md', () => {
  test('has the first versions that src/engine/features.ts has', () => {
    const code = text('src/engine/features.ts')
    const table = (name: string) => code.slice(code.indexOf(`const ${name}`)).split(/^\]/m)[0] ?? ''
    const entries = (name: string) =>
      [...table(name).matchAll(/\[\s*'([^']+)',\s*(?:'([\d.]+)'|undefined),/g)].map(([, what = '', since = '—']) => ({
        what,
        since,
      }))
    const wanted = [
      ...entries('INPUT_SINCE').map(({ what, since }) => [`input ${what}`, since]),
      ...entries('DOCKERFILE_SINCE').map(({ what, since }) => [`Dockerfile: ${what}`, since]),
    ]
    const written = tableBelow('docs/engines.md', '## Versions').map(([needs = '', since]) => [
      needs.replaceAll('`', '').replace(/ \(.*\)$/, ''),
      since,
    ])
    expect(written).toStrictEqual(wanted)
  })

  test('has what Buildah gets wrong as src/engine/known-faults.ts has it', () => {
    const answers = { refused: 'Refused', warned: 'A warning', noted: 'A line in the log' }
    const wanted = FAULTS.map(({ what, until, wrong, answer }) => [what, `below ${until}`, wrong, answers[answer]])
    expect(tableBelow('docs/engines.md', '### What Buildah gets wrong')).toStrictEqual(wanted)
  })

  test('has what Docker refuses as src/engine/docker/parity.ts has it', () => {
    const kinds = ['buildx', 'buildx-docker'] as const
    const wanted = DIFFERENCES.map(({ inputs, example, refusedBy, why }) => [
      inputs.map((input) => `\`${input}\``).join(', '),
      `\`${example}\``,
      ...kinds.map((kind) => (refusedBy.includes(kind) ? 'refused' : 'yes')),
      why,
    ])
    expect(tableBelow('docs/engines.md', "### What Docker doesn't do")).toStrictEqual(wanted)
  })

  test('has what an older BuildKit refuses as src/engine/docker/parity.ts has it', () => {
    const wanted = BUILDKIT_SINCE.map(({ what, since, buildx = '—' }) => [what, since, buildx])
    expect(tableBelow('docs/engines.md', '#### Versions of BuildKit')).toStrictEqual(wanted)
  })

  test('has the differences of images that the tests build', () => {
    const wanted = differences.map(({ what, buildah, docker }) => [what, buildah, docker])
    expect(tableBelow('docs/engines.md', '### Where the images differ')).toStrictEqual(wanted)
  })

  test('names the oldest version that works', () => {
    const [, oldest] = /what: 'this action', since: '([\d.]+)'/.exec(text('src/engine/features.ts')) ?? []
    expect(text('docs/engines.md')).toContain(`The action works with Buildah ${oldest ?? '?'} and later.`)
  })
})

describe('docs/architecture.md', () => {
  const document = text('docs/architecture.md')
  const rooms = tableBelow('docs/architecture.md', '## Who may import whom').map(([room = '', files, allowed]) => ({
    room,
    files: codes(files ?? ''),
    allowed: (allowed ?? '').split(', '),
  }))
  const roomOf = (path: string) =>
    rooms.find(({ files }) => files.some((file) => path === file || path.startsWith(file)))
  const lines = sources.map((path) => ({ path, code: text(join('src', path)) }))
  const matching = (pattern: RegExp) => lines.filter(({ code }) => pattern.test(code)).map(({ path }) => path)

  test('names files that exist', () => {
    const named = codes(document).filter((code) => /^[a-z-]+(\/[a-z-]+)*\.ts$/.test(code))
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((path) => !sources.includes(path))).toStrictEqual([])
    // The other way round, too: a new file is told about. Those of image/ are many, and named by their room.
    expect(sources.filter((path) => !path.startsWith('image/') && !named.includes(path))).toStrictEqual([])
  })

  test('has a room for every file', () => {
    expect(sources.filter((path) => roomOf(path) === undefined)).toStrictEqual([])
  })

  test('says who may import whom', () => {
    const forbidden = lines.flatMap(({ path, code }) => {
      const own = roomOf(path)
      return [...code.matchAll(/(?:from|import\() ?'(\.[^']+)\.js'/g)]
        .map(([, target = '']) => `${normalize(join(dirname(path), target))}.ts`)
        .filter((target) => {
          const room = roomOf(target)?.room ?? ''
          return room !== own?.room && own?.allowed.includes(room) !== true
        })
        .map((target) => `${path} imports ${target}`)
    })
    expect(forbidden).toStrictEqual([])
  })

  test('says what the pure rooms leave alone', () => {
    const impure = /'(@actions\/|node:(fs|child_process|process|os|net|https?))|\bprocess\.|exec\.js'/
    expect(matching(impure).filter((path) => /^(image|dockerfile|report)\//.test(path))).toStrictEqual([])
  })

  test('says who reads inputs and the environment, and who writes outputs', () => {
    expect(matching(/\bprocess\.env\b/)).toStrictEqual(['context.ts', 'post.ts', 'transfer.ts', 'unknown-inputs.ts'])
    expect(matching(/\bgetInput\(/)).toStrictEqual(['inputs.ts'])
    expect(matching(/\bset(Output|Failed)\(/)).toStrictEqual(['main.ts'])
  })

  test('says what is loaded only when it is needed', () => {
    expect(matching(/^import (?!type).*'(@actions\/tool-cache|smol-toml)'/m)).toStrictEqual([])
    expect(matching(/'@actions\/cache'/)).toStrictEqual(['transfer.ts'])
  })
})

describe('docs/adr', () => {
  const records = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name))

  test.each(records)('%s has the form of a record and is listed', (name) => {
    const titles = [...text(`docs/adr/${name}`).matchAll(/^#+ .*$/gm)].map(([title]) => title)
    expect(titles).toStrictEqual([
      expect.stringMatching(new RegExp(`^# ${name.slice(0, 4)}: `)),
      '## Context',
      '## Decision',
      '## Consequences',
    ])
    expect(text('docs/adr/README.md')).toContain(`(${name})`)
  })

  test('0001 has every runtime dependency and no other', () => {
    const { dependencies } = JSON.parse(text('package.json')) as { dependencies: Record<string, string> }
    const named = tableBelow('docs/adr/0001-runtime-dependencies.md', '## Decision').flatMap(([cell]) =>
      codes(cell ?? ''),
    )
    expect(named.sort()).toStrictEqual(Object.keys(dependencies).sort())
  })
})
