import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'

import { OLDEST_BUILDAH } from '../../../src/engine/buildah/find/refused-faults.js'
import { BUILDKIT_SINCE } from '../../../src/engine/docker/unsupported.js'
import { INPUT_ROWS } from '../../../src/runner/input-table.js'
import { parseInputs } from '../../../src/runner/inputs.js'
import { differences } from '../../harness/differences.js'
import { below, root, tableBelow, text, yamlBlocks } from './project-files.js'

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
    // The one variable that an example sets.
    expect(() => parseInputs(value, { SIGNING_KEY: 'x' })).not.toThrow()
  })
})

describe('docs/engines.md', () => {
  test('has the first versions that src/runner/input-table.ts and src/engine/buildah/find/requirements.ts have', () => {
    const code = text('src/engine/buildah/find/requirements.ts')
    const table = (name: string) => code.slice(code.indexOf(`const ${name}`)).split(/^\]/m)[0] ?? ''
    const entries = (name: string) =>
      [...table(name).matchAll(/\[\s*'([^']+)',\s*(?:'([\d.]+)'|undefined),/g)].map(([, what = '', since = '—']) => ({
        what,
        since,
      }))
    const wanted = [
      ...INPUT_ROWS.flatMap(([name, { buildah }]) => (buildah ? [[`input ${name}`, buildah.since]] : [])),
      ...entries('DOCKERFILE_SINCE').map(({ what, since }) => [`Dockerfile: ${what}`, since]),
    ]
    const written = tableBelow('docs/engines.md', '## Versions').map(([needs = '', since]) => [
      needs.replaceAll('`', '').replace(/ \(.*\)$/, ''),
      since,
    ])
    expect(written).toStrictEqual(wanted)
  })

  test('has what Docker refuses as src/runner/input-table.ts has it', () => {
    const kinds = ['buildx', 'buildx-docker'] as const
    const wanted = INPUT_ROWS.flatMap(([name, { docker }]) => {
      if (docker === undefined) return []
      const answers = kinds.map((kind) => (docker.refusedBy.includes(kind) ? 'refused' : 'yes'))
      return [[`\`${name}\``, `\`${docker.example}\``, ...answers, docker.why]]
    })
    expect(tableBelow('docs/engines.md', "### What Docker doesn't do")).toStrictEqual(wanted)
  })

  test('has what an older BuildKit refuses as src/engine/docker/unsupported.ts has it', () => {
    const wanted = BUILDKIT_SINCE.map(({ what, since, buildx = '—' }) => [what, since, buildx])
    expect(tableBelow('docs/engines.md', '#### Versions of BuildKit')).toStrictEqual(wanted)
  })

  test('has the differences of images that the tests build', () => {
    const wanted = differences.map(({ what, buildah, docker }) => [what, buildah, docker])
    expect(tableBelow('docs/engines.md', '### Where the images differ')).toStrictEqual(wanted)
  })

  test('names the oldest version that works', () => {
    expect(text('docs/engines.md')).toContain(`The action works with Buildah ${OLDEST_BUILDAH} and later.`)
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
