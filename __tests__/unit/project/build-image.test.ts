import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'

import { casesOfSet } from '../../harness/test-set.js'
import { text, yamlBlocks } from './project-files.js'
import { useSteps } from './workflow-steps.js'

type Permissions = Readonly<Record<string, string>>

interface Workflow {
  readonly on: {
    readonly workflow_call: {
      readonly inputs: Readonly<Record<string, { readonly type: string; readonly default: string | number | boolean }>>
      readonly secrets: Readonly<Record<string, unknown>>
    }
  }
  readonly jobs: Readonly<Record<string, { readonly permissions?: Permissions }>>
}

interface Entry {
  readonly id: string
  readonly images: string
  readonly 'runs-on': unknown
  readonly distribute: boolean
  readonly name: string
}

const workflow = parse(text('.github/workflows/build-image.yml')) as Workflow
const { inputs, secrets } = workflow.on.workflow_call
const defaults = Object.fromEntries(Object.entries(inputs).map(([name, { default: value }]) => [name, value]))

const { folder, runStep } = useSteps('.github/workflows/build-image.yml')

const plan = (given: Readonly<Record<string, unknown>>) =>
  runStep('One entry for each image', { INPUTS: JSON.stringify({ ...defaults, ...given }) })

const entries = (given: Readonly<Record<string, unknown>>) => {
  const { status, log, outputs } = plan(given)
  expect({ status, log }).toStrictEqual({ status: 0, log: '' })
  return JSON.parse(outputs['images'] ?? '') as Entry[]
}

describe('the plan', () => {
  test('has one entry for a call without a matrix', () => {
    expect(entries({ images: 'ghcr.io/acme/web\ndocker.io/acme/site', tags: 'latest\ntype=sha' })).toStrictEqual([
      {
        id: 'web',
        images: 'ghcr.io/acme/web\ndocker.io/acme/site',
        context: '.',
        file: '',
        target: '',
        platforms: '',
        'build-args': '',
        tags: 'latest\ntype=sha',
        flavor: '',
        test: '',
        'test-script': '',
        'runs-on': 'ubuntu-24.04',
        leg: '0',
        distribute: false,
        name: 'web',
      },
    ])
  })

  const jobs = (given: Readonly<Record<string, unknown>>) =>
    entries({ images: 'ghcr.io/acme/web', ...given }).map((entry) => [entry.name, entry['runs-on'], entry.distribute])

  test('has a job for each runner that the platforms of an image need', () => {
    expect(jobs({ platforms: 'linux/amd64, linux/arm64\nlinux/arm/v7' })).toStrictEqual([
      ['web (ubuntu-24.04)', 'ubuntu-24.04', true],
      ['web (ubuntu-24.04-arm)', 'ubuntu-24.04-arm', true],
    ])
    expect(jobs({ platforms: 'aarch64' })).toStrictEqual([['web', 'ubuntu-24.04-arm', false]])
    // One runner emulates.
    expect(jobs({ platforms: 'linux/amd64,linux/arm64', runners: '{}' })).toStrictEqual([
      ['web', 'ubuntu-24.04', false],
    ])
    const own = JSON.stringify({ linux: 'any', 'linux/arm64': ['self-hosted', 'arm'] })
    expect(jobs({ platforms: 'linux/s390x,linux/arm64', runners: own })).toStrictEqual([
      ['web (any)', 'any', true],
      ['web (self-hosted, arm)', ['self-hosted', 'arm'], true],
    ])
  })

  test('takes from the inputs what an entry of the matrix leaves out', () => {
    const matrix = JSON.stringify([
      { images: 'ghcr.io/acme/api', context: 'api', tags: null },
      { images: ['name=ghcr.io/acme/web,enable=true', 'quay.io/acme/web'], target: 'debug', tags: ['a', 'b'] },
      { id: 'arm', images: 'ghcr.io/acme/api', 'runs-on': ['self-hosted', 'arm64'] },
    ])
    expect(entries({ matrix, tags: 'latest', 'runs-on': '["self-hosted", "linux"]' })).toMatchObject([
      { id: 'api', context: 'api', tags: 'latest', 'runs-on': ['self-hosted', 'linux'] },
      { id: 'web-debug', images: 'name=ghcr.io/acme/web,enable=true\nquay.io/acme/web', tags: 'a\nb', target: 'debug' },
      { id: 'arm', context: '.', 'runs-on': ['self-hosted', 'arm64'] },
    ])
  })

  test('gives each call a name of its own', () => {
    const [first, second] = [plan({ images: 'acme/web' }), plan({ images: 'acme/web' })]
    expect(first.outputs['call']).toMatch(/^[0-9a-f]{8}$/)
    expect(first.outputs['call']).not.toBe(second.outputs['call'])
  })

  const image = { images: 'ghcr.io/acme/web' }
  const wrong: [string, Record<string, unknown>, string][] = [
    ['nothing at all', {}, 'The call has no "images": write one as ghcr.io/acme/web.'],
    ['text that is no JSON', { matrix: '[{]' }, 'Input "matrix" is not JSON: '],
    ['an object', { matrix: '{}' }, 'Input "matrix" is not a list with an object for each image.'],
    ['an empty list', { matrix: '[]' }, 'Input "matrix" is not a list with an object for each image.'],
    ['a text for an object', { matrix: '["web"]' }, 'Entry 1 of input "matrix" is not an object.'],
    ['an entry without a name', { matrix: '[{"context": "web"}]' }, 'Entry 1 of input "matrix" has no "images"'],
    [
      'an unknown key',
      { matrix: JSON.stringify([image, { ...image, dockerfile: 'x', push: true }]) },
      'Entry 2 of input "matrix" has an unknown key "dockerfile", "push". Known are "id", "context", "file", ',
    ],
    [
      'a number for a text',
      { matrix: JSON.stringify([{ ...image, context: 7 }]) },
      'Entry 1 of input "matrix": "context" is not a text.',
    ],
    [
      'false for a text',
      { matrix: JSON.stringify([{ ...image, 'test-script': false }]) },
      'Entry 1 of input "matrix": "test-script" is not a text.',
    ],
    [
      'a list with a number in it',
      { matrix: JSON.stringify([{ ...image, tags: ['a', 1] }]) },
      'Entry 1 of input "matrix": "tags" is neither a text nor a list of texts.',
    ],
    [
      'two images of one id',
      { matrix: JSON.stringify([image, image]) },
      'Several images have the id "web". Give each an "id" of its own.',
    ],
    [
      'an id that is no name of a file',
      { matrix: JSON.stringify([{ ...image, id: '../web' }]) },
      'Entry 1 of input "matrix": the id "../web" is not 1 to 64 letters',
    ],
    ['a runner that is no label', { ...image, 'runs-on': '' }, 'The call: "runs-on" is neither a label nor a JSON'],
    [
      'a runner that is no JSON',
      { ...image, 'runs-on': '[linux' },
      'The call: "runs-on" is neither a label nor a JSON',
    ],
    ['runners that are no object', { ...image, runners: '["a"]' }, 'The call: "runners" is no JSON object such as'],
    [
      'a runner for a platform that is no label',
      { ...image, runners: '{"linux/arm64": 7}' },
      'The call: "runners", linux/arm64: "runs-on" is neither a label nor a JSON list of labels.',
    ],
    [
      'a script for several platforms',
      { ...image, platforms: 'linux/amd64,linux/arm64', 'test-script': 'true' },
      'The call: "test-script" tests an image of one platform. Write the commands in "test": they run on each.',
    ],
    [
      'a script for an image with provenance',
      { matrix: JSON.stringify([image, { ...image, id: 'tested', 'test-script': 'true' }]), provenance: 'mode=min' },
      'Entry 2 of input "matrix": what "test-script" has tested is pushed without provenance and SBOM. Write the commands in "test".',
    ],
    [
      'more than GitHub runs',
      { matrix: JSON.stringify(Array.from({ length: 257 }, (_, id) => ({ ...image, id: `web-${id}` }))) },
      'Input "matrix" has 257 images; GitHub runs 256 at most.',
    ],
  ]

  // jq is started three times for each.
  test.each(casesOfSet(wrong, (_, index) => index % 3 === 0))('refuses %s', (_, given, message) => {
    const { status, log, outputs } = plan(given)
    expect(status).toBe(1)
    expect(log).toContain(`::error title=Build image::${message}`)
    expect(outputs).toStrictEqual({})
  })

  test('shows what it refuses on one line, as no command of its own', () => {
    const { log } = plan({ matrix: JSON.stringify([{ ...image, id: 'a\n::add-mask::b%0A' }]) })
    expect(log.trimEnd().split('\n')).toHaveLength(1)
    expect(log).toContain('a%0A::add-mask::b%250A')
  })
})

describe('the gate', () => {
  const main = {
    DEFAULT_BRANCH: 'main',
    EVENT: 'push',
    PUSH: 'true',
    PUSH_BRANCHES: '',
    PUSH_TAGS: '',
    REF_NAME: 'main',
    REF_TYPE: 'branch',
  }
  const tag = { ...main, REF_TYPE: 'tag', REF_NAME: 'v1.4.2' }

  test.each([
    ['the default branch', main],
    ['a schedule', { ...main, EVENT: 'schedule' }],
    ['a run by hand', { ...main, EVENT: 'workflow_dispatch' }],
    ['a branch that is named', { ...main, REF_NAME: 'next', PUSH_BRANCHES: 'main\nnext\n' }],
    ['a branch that a pattern stands for', { ...main, REF_NAME: 'release/1.4', PUSH_BRANCHES: 'main\nrelease/*' }],
    ['a tag that a pattern stands for', { ...tag, PUSH_TAGS: 'v*' }],
    ['a release', { ...tag, EVENT: 'release', PUSH_TAGS: 'v*' }],
  ])('opens for %s', (_, env) => {
    const { status, outputs, log } = runStep('Whether to push', env)
    expect({ status, outputs, log }).toStrictEqual({ status: 0, outputs: { push: 'true' }, log: '' })
  })

  test.each([
    ['push: false', { ...main, PUSH: 'false' }, 'the input "push" is false'],
    ['a pull request', { ...main, EVENT: 'pull_request', REF_NAME: '7/merge' }, 'the event is pull_request'],
    ['pull_request_target on main', { ...main, EVENT: 'pull_request_target' }, 'the event is pull_request_target'],
    ['workflow_run on main', { ...main, EVENT: 'workflow_run' }, 'the event is workflow_run'],
    ['a comment on main', { ...main, EVENT: 'issue_comment' }, 'the event is issue_comment'],
    ['another branch', { ...main, REF_NAME: 'main2' }, 'the branch main2 is not in the input "push-branches"'],
    ['main where others are named', { ...main, PUSH_BRANCHES: 'next' }, 'the branch main is not in the input'],
    ['a branch with a blank line for it', { ...main, REF_NAME: 'x', PUSH_BRANCHES: '\n \n' }, 'the branch x is not in'],
    ['no default branch', { ...main, DEFAULT_BRANCH: '' }, 'the branch main is not in the input "push-branches"'],
    ['a tag, by default', tag, 'the tag v1.4.2 is not in the input "push-tags"'],
    ['a tag called as a branch', { ...tag, REF_NAME: 'main' }, 'the tag main is not in the input "push-tags"'],
    ['a ref of another kind', { ...main, REF_TYPE: 'note' }, 'the ref is a note'],
  ])('is shut for %s', (_, env, reason) => {
    const { status, outputs, log } = runStep('Whether to push', env)
    expect({ status, outputs }).toStrictEqual({ status: 0, outputs: { push: 'false' } })
    expect(log).toContain(`::notice title=Build image::Built, and not pushed: ${reason}`)
  })
})

describe('signing', () => {
  test('is refused before anything is built, where the job that calls grants no identity', () => {
    const { status, log } = runStep('Whether to sign', {})
    expect(status).toBe(1)
    expect(log).toMatch(
      /^::error title=Build image::Input "attest": .+%0Apermissions:%0A.+%0A {2}id-token: write%0A.+\n$/,
    )
    const token = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://tokens.example/idtoken?api-version=2.0' }
    expect(runStep('Whether to sign', token)).toMatchObject({ status: 0, log: '' })
  })

  test('that fails names what was pushed, on one line', () => {
    const { log } = runStep('What is missing', { SUBJECTS: 'a1  ghcr.io/acme/api\nb2  ghcr.io/acme/web' })
    expect(log).toMatch(
      /^::error .+%0Aa1 {2}ghcr\.io\/acme\/api%0Ab2 {2}ghcr\.io\/acme\/web%0A.+`attestations: write`.+\n$/,
    )
  })
})

describe('a test', () => {
  const env = { CONTAINERS_STORAGE_CONF: '/nowhere', IMAGE_ID: 'sha256:0123' }

  test('has the image', () => {
    expect(runStep('Test', { ...env, TEST: 'echo "$IMAGE"\necho "$CONTAINERS_STORAGE_CONF"' })).toMatchObject({
      status: 0,
      log: '0123\n/nowhere\n',
    })
  })

  test.each(['false\ntrue', 'false | true', 'echo "$UNKNOWN"'])('fails with each of its commands: %j', (script) => {
    expect(runStep('Test', { ...env, TEST: script }).status).not.toBe(0)
  })
})

describe('results', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const results = join(folder, 'results')
  const write = (id: string, pushed: unknown, leg = '0') =>
    runStep('The result', {
      ID: id,
      LEG: leg,
      IMAGE_ID: 'sha256:1',
      PUSHED: JSON.stringify(pushed),
      TAGS: `ghcr.io/acme/${id}:1\nghcr.io/acme/${id}:2`,
    })
  const collect = () => {
    const { status, outputs, written } = runStep('One list of all results', {})
    expect(status).toBe(0)
    const { results: list = '', digests = '' } = outputs
    return {
      results: JSON.parse(list) as unknown,
      digests: JSON.parse(digests) as unknown,
      subjects: subjectsIn(written),
    }
  }
  const subjectsIn = (written: string) => /^subjects<<end\n([^]*)^end\n/m.exec(written)?.[1]

  test('of no image are empty', () => {
    expect(collect()).toStrictEqual({ results: [], digests: {}, subjects: '' })
  })

  test('of all images are one list, and their digests one object', () => {
    const pushed = [
      { reference: 'localhost:5000/acme/web:1', digest, registry: 'localhost:5000' },
      { reference: 'localhost:5000/acme/web:2', digest, registry: 'localhost:5000' },
      { reference: `ghcr.io/acme/web@${digest}`, digest, registry: 'ghcr.io' },
      { reference: 'ghcr.io/acme/web', digest: `${digest}\nend\nresults=forged`, registry: 'ghcr.io' },
    ]
    mkdirSync(results)
    for (const [id, list, leg] of [
      // Of the jobs for one image, one has pushed.
      ['web', [], '0'],
      ['web', pushed, '1'],
      ['api', [], '0'],
    ] as const) {
      expect(write(id, list, leg).status).toBe(0)
      copyFileSync(join(folder, `${id}-${leg}.json`), join(results, `${id}-${leg}.json`))
    }
    const of = (id: string, list: unknown) => ({
      id,
      imageid: 'sha256:1',
      references: [`ghcr.io/acme/${id}:1`, `ghcr.io/acme/${id}:2`],
      pushed: list,
    })
    expect(collect()).toStrictEqual({
      results: [of('api', []), of('web', pushed)],
      digests: { web: digest },
      subjects: `${'a'.repeat(64)}  ghcr.io/acme/web\n${'a'.repeat(64)}  localhost:5000/acme/web\n`,
    })
  })
})

describe('calls, in the documents and in e2e.yml,', () => {
  interface Call {
    readonly permissions?: Permissions
    readonly uses: string
    readonly with?: Readonly<Record<string, unknown>>
    readonly secrets?: Readonly<Record<string, unknown>>
  }
  const own = { name: 'e2e.yml', yaml: text('.github/workflows/e2e.yml') }
  const calls = [...yamlBlocks, own].flatMap(({ name, yaml }) =>
    parseAllDocuments(yaml)
      .flatMap((parsed) =>
        Object.values((parsed.toJS() as { jobs?: Record<string, Partial<Call>> } | null)?.jobs ?? {}),
      )
      .filter(
        (job): job is Call =>
          job.uses?.endsWith('build-image.yml') === true || job.uses?.includes('build-image.yml@') === true,
      )
      .map((call) => ({ name, call })),
  )

  test('are there', () => {
    expect(calls.length).toBeGreaterThan(3)
  })

  test.each(calls)('$name is what the workflow takes', ({ call }) => {
    expect(call.uses).toMatch(
      /^(\$|OWNER\/rootless-image-build(?=.*@v1$))\/\.github\/workflows\/build-image\.yml(@v1)?$/,
    )
    expect(Object.keys(call.secrets ?? {}).filter((name) => !(name in secrets))).toStrictEqual([])
    for (const [name, value] of Object.entries(call.with ?? {})) {
      expect({ name, type: typeof value }).toStrictEqual({ name, type: inputs[name]?.type })
    }
    // GitHub doesn't start a workflow whose jobs ask for more.
    for (const { permissions = {} } of Object.values(workflow.jobs)) expect(call.permissions).toMatchObject(permissions)
    if (call.with?.['attest'] === true)
      expect(call.permissions).toMatchObject({ 'id-token': 'write', attestations: 'write' })
    expect(entries(call.with ?? {}).length).toBeGreaterThan(0)
  })
})
