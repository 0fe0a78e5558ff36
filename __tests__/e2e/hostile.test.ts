import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor, testsAreRoot } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { startFlakyProxy } from '../harness/flaky-proxy.js'
import { type Files, makeFolder, makeWorkspace } from '../harness/folders.js'
import { imageContains, imageFiles, pullImage } from '../harness/images.js'
import { watchProcesses } from '../harness/process-watch.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { someSeconds, wakeAll, wakeOnSight } from '../harness/run-marks.js'
import { runAction, type StepOptions, type StepResult, withoutMasks } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'
import { readCommands, withoutPhases } from '../harness/workflow-commands.js'

jest.setTimeout(120_000)

const accounts = testsAreRoot ? (['user', 'root'] as const) : (['user'] as const)
/** Where root has more to lose than a user has. */
const mostPowerful = casesOfSet(accounts, (as) => as === accounts.at(-1))
const testAsRoot = testUnless(rootReason)

const { registry, base } = await useRegistry()
afterAll(wakeAll)

function pushed(name: string, workspace: Files | string, more: Partial<StepOptions> = {}): StepOptions {
  const inputs = { images: `${registry.host}/acme/${name}`, push: 'true', 'tls-verify': 'false', ...more.inputs }
  return { ...more, workspace, inputs }
}

const outputNames = [
  ...[
    'annotations',
    'built',
    'cache-hit',
    'cache-stats',
    'digest',
    'engine',
    'engine-version',
    'imageid',
    'joined',
    'json',
    'labels',
  ],
  ...['metadata', 'platform-digests', 'pushed', 'rootless', 'storage-conf', 'tag-names', 'tags', 'version'],
]

/** The runner took nothing in the log for a command but what the action itself wrote. */
function expectOwnCommands({ log }: StepResult, names: readonly string[]): void {
  const { commands, stoppedBy } = readCommands(log)
  expect(withoutPhases(commands).map(({ name }) => name)).toStrictEqual(names)
  expect(stoppedBy).toBeUndefined()
  expect(commands.find(({ name }) => name === 'stop-commands')?.value).toMatch(/^[0-9a-f]{32}$/)
}

const forged = [
  '::set-output name=digest::sha256:forged',
  '  ::set-env name=PATH::/forged',
  '::add-mask::forged',
  '::error::forged',
  '::stop-commands::forged',
  '::forged::',
  '::endgroup::',
  '##[set-env name=PATH]/forged',
  'text ##[add-path]/forged',
  'progress\r::warning::forged',
  '\u0085::notice::forged',
  'imageid<<EOF',
  'forged',
  'EOF',
]

describe('what a Dockerfile prints', () => {
  /**
   * The script prints all of it, and ends in the middle of a line. It doesn't end at once: on a loaded machine, what a step
   * had printed last was once missing from Buildah's own output.
   */
  const files = (exitCode: number): Files => ({
    Dockerfile: `FROM ${base}\nCOPY forged /\nRUN cat /forged >&2; echo >&2; cat /forged; sleep 1; exit ${exitCode}\n`,
    forged: `${forged.join('\n')}\n::debug::forged, without an end`,
  })

  test('is nothing that the runner obeys', async () => {
    const step = await succeed(pushed('prints', files(0)))
    expectOwnCommands(step, ['group', 'stop-commands', 'endgroup'])
    expect(step.log).toContain('::set-output name=digest::sha256:forged')
    expect(Object.keys(step.outputs).sort()).toStrictEqual(outputNames)
    expect(Object.keys(step.state)).toStrictEqual(['rootless-image-build'])
    expect(step.outputs['digest']).toBe((await pullImage(`${registry.host}/acme/prints`)).digest)
  })

  test('is nothing that the runner obeys in the error of a build that fails, either', async () => {
    const step = await runAction(pushed('prints', files(1)))
    expect(step.exitCode).toBe(1)
    expectOwnCommands(step, ['group', 'stop-commands', 'endgroup', 'error'])
    // It is all there, in the one line of that command.
    expect(readCommands(step.log).commands.at(-1)?.value).toContain('##[add-path]/forged%0A')
    expect(step.outputs).toStrictEqual({})
    expect(step.leftInTemp).toStrictEqual([])
  })
})

test('what a registry answers is nothing that the runner obeys', async () => {
  // Buildah knows no error in it, and leaves it to the action to push again; of what it prints the last line is shown.
  const body = `timed out\n${forged.join('\n')}\n##[add-path]/forged`
  const faults = [{ method: 'PUT', path: /\/manifests\//, times: 1, answer: { status: 400, body } }]
  const proxy = await startFlakyProxy(registry.host, faults)
  try {
    const env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) }
    const inputs = { images: `${proxy.host}/acme/answers` }
    const step = await succeed(pushed('', { Dockerfile: `FROM ${base}\nLABEL a=b\n` }, { inputs, env }))
    expect(step.log).toMatch(/attempt 1 failed, 3 left\. .*forged/)
    expectOwnCommands(step, ['group', 'stop-commands', 'endgroup'])
  } finally {
    await proxy.stop()
  }
})

describe('values that would add a line to a file of the runner', () => {
  const line = 'x\nimageid=forged\nmore<<EOF\nforged\nEOF\n'

  test('stay what they are, or are refused', async () => {
    const step = await succeed(
      pushed(
        'lines',
        { Dockerfile: `FROM ${base}\nARG TEXT\nRUN echo "$TEXT"\n` },
        {
          inputs: {
            'build-args': `"TEXT=${line}"`,
            secrets: `"token=${line}"`,
            labels: 'more<<EOF=imageid=forged',
            annotations: 'note=more<<EOF',
          },
          env: { GITHUB_REF_NAME: line, GITHUB_REF: `refs/heads/${line}`, GITHUB_HEAD_REF: line },
        },
      ),
    )
    const image = await pullImage(`${registry.host}/acme/lines`)
    expect(Object.keys(step.outputs).sort()).toStrictEqual(outputNames)
    expect(step.outputs['imageid']).toBe(image.manifest.config.digest)
    expect(image.config.config?.Labels).toMatchObject({ 'more<<EOF': 'imageid=forged' })
  })

  const refused = [
    ['tags', `"${line}"`],
    ['images', `"${line}"`],
    ['secrets', `"${line}=value"`],
    ['build-contexts', `"${line}=value"`],
    ['target', line],
    ['registry', line],
  ] as const
  for (const [name, value] of refused)
    exhaustively(test)(`in "${name}", are refused in one error`, async () => {
      const more = { inputs: { [name]: value, username: 'ada', password: 'lovelace' } }
      const step = await fail(pushed('lines', { Dockerfile: `FROM ${base}\n` }, more))
      expect(Object.keys({ ...step.outputs })).toStrictEqual([])
      expect(Object.keys(step.state).filter((key) => key !== 'rootless-image-build')).toStrictEqual([])
      const { commands } = readCommands(step.log)
      expect(
        withoutPhases(commands)
          .map((command) => command.name)
          .filter((own) => own !== 'add-mask'),
      ).toStrictEqual(['error'])
    })
})

describe('links in a checkout', () => {
  const outside = (): { secret: string; path: string } => {
    const secret = randomBytes(16).toString('hex')
    const path = join(makeFolder('outside'), 'private.txt')
    writeFileSync(path, secret)
    chmodSync(path, 0o600)
    return { secret, path }
  }

  test.each(mostPowerful)(
    'a file outside does not come into the image by a link in the context (as %s)',
    async (as) => {
      const { secret, path } = outside()
      chmodSync(path, 0o644)
      const workspace = makeWorkspace({ Dockerfile: `FROM ${base}\nCOPY . /srv\n` }, accountFor(as))
      symlinkSync(path, join(workspace, 'leak'))
      const step = await succeed(pushed('links', workspace, { as }))
      const image = await pullImage(`${registry.host}/acme/links`)
      expect(imageFiles(image).get('srv/leak')).toMatchObject({ type: 'symlink', linkname: path })
      expect(imageContains(image, secret)).toBe(false)

      writeFileSync(join(workspace, 'Dockerfile'), `FROM ${base}\nCOPY leak /srv/leak\nRUN cat /srv/leak\n`)
      const { error, log } = await fail(pushed('links', workspace, { as }))
      expect(error).toContain('leak')
      expect(step.log + log).not.toContain(secret)
    },
  )

  testAsRoot('a Dockerfile that is a link to a file of root is not read to anyone', async () => {
    const { secret, path } = outside()
    writeFileSync(path, `FROM ${base} AS ${secret}\nRUN true\n`)
    const workspace = makeWorkspace({ 'README.md': '' })
    symlinkSync(path, join(workspace, 'Dockerfile'))
    for (const inputs of [{}, { target: 'none' }]) {
      const { error, log, post } = await fail(pushed('links', workspace, { as: 'root', inputs }))
      expect(error).toContain(join(workspace, 'Dockerfile'))
      expect(log + (post?.log ?? '')).not.toContain(secret)
    }
  })

  exhaustively(testAsRoot)('a context that is a link into a folder of root is named in the error', async () => {
    const closed = makeFolder('closed')
    mkdirSync(join(closed, 'web'))
    writeFileSync(join(closed, 'web/Dockerfile'), `FROM ${base}\nCOPY . /srv\n`)
    chmodSync(closed, 0o700)
    const workspace = makeWorkspace({ 'README.md': '' })
    symlinkSync(join(closed, 'web'), join(workspace, 'web'))
    const { error, log } = await fail(pushed('links', workspace, { as: 'root', inputs: { context: 'web' } }))
    expect(error).toContain(`can't enter ${JSON.stringify(closed)}`)
    expect(log).not.toMatch(/^STEP \d/m)
  })

  exhaustively(testAsRoot)('a context that is a link is looked through all the same', async () => {
    const workspace = makeWorkspace({
      'real/Dockerfile': `FROM ${base}\nCOPY . /srv\n`,
      'real/private.key': { content: 'nobody else’s', mode: 0o600 },
    })
    symlinkSync('real', join(workspace, 'web'))
    const { error, log } = await fail(pushed('links', workspace, { as: 'root', inputs: { context: 'web' } }))
    expect(error).toMatch(/The build runs as rootless-build \(uid \d+\), and can't read "\/\S+\/private\.key"/)
    expect(log).not.toMatch(/^STEP \d/m)
  })
})

describe('the environment', () => {
  test.each(mostPowerful)('of Buildah and of RUN steps has nothing of the inputs and no token (as %s)', async (as) => {
    const token = `token-${randomBytes(16).toString('hex')}`
    const secret = `secret-${randomBytes(16).toString('hex')}`
    const env = {
      ACTIONS_RUNTIME_TOKEN: token,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: token,
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:1/${token}`,
      ACTIONS_CACHE_URL: 'http://127.0.0.1:1/',
      STATE_earlier: token,
      UNRELATED: 'kept',
    }
    // It sleeps until it was looked at.
    const seconds = someSeconds()
    const dockerfile = `FROM ${base}\nRUN env; echo; sleep ${seconds} || true\n`
    const options = pushed('env', { Dockerfile: dockerfile }, { as, env, inputs: { secrets: `id=${secret}` } })
    const { result: step, seen } = await watchProcesses(() => succeed(options), wakeOnSight(seconds))
    const programs = seen.filter(({ argv: [program = ''] }) => /\/buildah|^sleep$|\/setpriv$/.test(program))
    // All of them were seen: the build itself (UNRELATED shows that its environment was), and the step in it.
    expect(programs.some(({ argv, environment }) => argv.includes('build') && environment.includes('UNRELATED='))).toBe(
      true,
    )
    expect(programs.some(({ argv }) => argv[0] === 'sleep')).toBe(true)
    for (const { argv, environment } of programs) {
      expect(environment.split('\0').filter((entry) => /^(INPUT|STATE|ACTIONS)_/.test(entry))).toStrictEqual([])
      for (const text of [token, secret]) expect(environment + argv.join('\0')).not.toContain(text)
    }
    expect(step.log).toMatch(/^HOME=/m)
    expect(step.log).not.toMatch(/^(INPUT|STATE|ACTIONS|GITHUB|RUNNER)_/m)
    const image = await pullImage(`${registry.host}/acme/env`)
    for (const text of [token, secret]) {
      const said = [withoutMasks(step.log), step.post?.log, step.outputs, step.state, step.summary]
      expect(JSON.stringify(said)).not.toContain(text)
      expect(imageContains(image, text)).toBe(false)
    }
  })
})
