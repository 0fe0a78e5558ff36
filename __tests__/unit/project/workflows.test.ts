import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

import { below, exampleWorkflows, text, workflows } from './project-files.js'

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly 'timeout-minutes'?: number | string
  readonly permissions?: unknown
  readonly uses?: string
  readonly steps?: readonly Step[]
}

interface Workflow {
  readonly permissions: unknown
  readonly jobs: Readonly<Record<string, Job>>
}

const actions = ['action.yml', ...below('.github/actions').filter((path) => path.endsWith('.yml'))]

describe('pins', () => {
  // What is of this repository is at the running commit; OWNER is a placeholder, and stands in examples only.
  const local = /^(\$\/|\.\/)/
  const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/
  const placeholder = /^OWNER\/rootless-image-build(\/\.github\/workflows\/build-image\.yml)?@v1$/

  test.each([...workflows, ...exampleWorkflows, ...actions])('%s has every action by its commit', (path) => {
    const used = [...text(path).matchAll(/^ *(?:- +)?(?:"uses"|'uses'|uses) *: +(.*)$/gm)].map(
      ([, value = '']) => value,
    )
    const loose = used
      .filter((value) => !local.test(value) && !pinned.test(value))
      .filter((value) => !(exampleWorkflows.includes(path) && placeholder.test(value)))
    expect(loose).toStrictEqual([])
    // None was overlooked, however it is written.
    const parsed = JSON.stringify(parse(text(path))).match(/"uses":/g) ?? []
    expect(used).toHaveLength(parsed.length)
  })
})

/**
 * Jobs of reusable workflows that have what the caller grants: GitHub doesn't start a workflow that asks for more, and
 * `id-token: write` is only for callers that attest.
 */
const INHERITING: Readonly<Record<string, readonly string[]>> = {
  '.github/workflows/build-image.yml': ['plan', 'attest'],
}

describe('workflows', () => {
  test.each(workflows)('%s gives away as little as it can', (path) => {
    const { permissions, jobs } = parse(text(path)) as Workflow
    const inheriting = INHERITING[path] ?? []
    expect(permissions).toStrictEqual(inheriting.length > 0 ? undefined : {})
    expect(Object.keys(jobs).filter((name) => jobs[name]?.permissions === undefined)).toStrictEqual(inheriting)
    for (const job of Object.values(jobs)) {
      // A job that calls another workflow has its limits there.
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeDefined()
      for (const { uses, run, with: inputs } of job.steps ?? []) {
        expect(run ?? '').not.toContain('${{')
        if (uses?.startsWith('actions/checkout@') === true) expect(inputs?.['persist-credentials']).toBe(false)
      }
    }
  })

  test.each(Object.entries(INHERITING))(
    '%s runs nothing of its caller with the caller’s permissions',
    (path, names) => {
      const { jobs } = parse(text(path)) as Workflow
      const used = names.flatMap((name) => jobs[name]?.steps ?? []).flatMap(({ uses = [] }) => uses)
      expect(used.filter((action) => !action.startsWith('actions/attest@'))).toStrictEqual([])
    },
  )

  test('are checked in versions that have checksums', () => {
    expect(text('scripts/workflow-lint/go.sum')).toMatch(/^github\.com\/rhysd\/actionlint v[\d.]+ h1:/m)
    expect(text('scripts/workflow-lint/requirements.txt')).toMatch(
      /^zizmor==[\d.]+ \\\n {4}--hash=sha256:[0-9a-f]{64}/m,
    )
    expect(text('scripts/test.sh')).toMatch(/^[^#\n]*\bbash scripts\/lint-workflows\.sh\b/m)
  })
})

describe('.github/actions/rootless-image-build', () => {
  interface Action {
    readonly name: string
    readonly inputs: Readonly<Record<string, { readonly default?: string }>>
    readonly outputs: Readonly<Record<string, unknown>>
    readonly runs: Readonly<Record<string, string>>
  }
  const action = parse(text('action.yml')) as Action
  const copy = parse(text('.github/actions/rootless-image-build/action.yml')) as Action
  const workflow = parse(text('.github/workflows/build-image.yml')) as Workflow
  const step = Object.values(workflow.jobs)
    .flatMap(({ steps }) => steps ?? [])
    .find(({ uses }) => uses === '$/.github/actions/rootless-image-build')

  test('is the action of the root', () => {
    expect(copy.name).toBe(action.name)
    const runs = Object.entries(action.runs).map(([name, value]) => [
      name,
      value.startsWith('dist/') ? `../../../${value}` : value,
    ])
    expect(copy.runs).toStrictEqual(Object.fromEntries(runs))
  })

  test('has the inputs that the workflow gives, and no defaults of its own', () => {
    expect(Object.keys(copy.inputs)).toStrictEqual(Object.keys(step?.with ?? {}))
    expect(Object.keys(copy.inputs).filter((name) => !(name in action.inputs))).toStrictEqual([])
    for (const input of Object.values(copy.inputs)) expect(input).not.toHaveProperty('default')
  })

  test('has the outputs that the workflow reads', () => {
    const read = text('.github/workflows/build-image.yml').matchAll(/steps\.build\.outputs\.([\w-]+)/g)
    expect(Object.keys(copy.outputs).sort()).toStrictEqual([...new Set([...read].map(([, name]) => name))].sort())
    expect(Object.keys(copy.outputs).filter((name) => !(name in action.outputs))).toStrictEqual([])
  })
})
