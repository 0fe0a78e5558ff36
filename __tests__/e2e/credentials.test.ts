import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { busyboxImage } from '../harness/base-image.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { type Files, listFolder, makeWorkspace, removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { type SeenProcess, watchProcesses } from '../harness/process-watch.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { type Login, type Registry, startRegistry } from '../harness/registry.js'
import { runAction, type StepOptions, type StepResult, withoutMasks } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'

jest.setTimeout(180_000)

const login: Login = { username: 'ada', password: `login "Xw7nQp2F" 'and' $HOME` }
const secureLogin: Login = { username: 'grace', password: 'secure-Vb4kTz9M' }
/** What of the passwords, plain or as auth files have them, can't be anywhere by chance. */
const telling = [login, secureLogin].flatMap(({ username, password }) => [
  password,
  Buffer.from(`${username}:${password}`).toString('base64'),
])

let open: Registry
/** Plain HTTP with a login, and an image in it. */
let guarded: Registry
let privateBase: string
/** HTTPS with a login and a certificate that nobody knows. */
let secure: Registry
/** What a user has who knows that `guarded` speaks plain HTTP. */
let env: Record<string, string>

beforeAll(async () => {
  open = await startRegistry()
  guarded = await startRegistry({ login })
  secure = await startRegistry({ login: secureLogin, tls: true })
  privateBase = `${guarded.host}/base/busybox:1`
  const authFile = join(makeWorkspace({ 'auth.json': authOf(guarded.host, login) }), 'auth.json')
  const options = ['--quiet', '--src-tls-verify=false', '--dest-tls-verify=false', '--dest-authfile', authFile]
  await run('skopeo', ['copy', ...options, `docker://${await busyboxImage(open.host)}`, `docker://${privateBase}`])
  env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(guarded.host) }
})

afterAll(async () => {
  for (const registry of [open, guarded, secure]) await registry.stop()
  await removeFolders()
})

/** The text of an auth file. */
function authOf(host: string, { username, password }: Login): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  // With tabs and a newline, as Docker writes it: whoever wrote it anew would write it otherwise.
  return `${JSON.stringify({ auths: { [host]: { auth } } }, undefined, '\t')}\n`
}

/** Runs a step that succeeds, and holds that no password of it can be read anywhere and that its auth file is private. */
async function succeedDiscreetly(options: StepOptions): Promise<StepResult> {
  const authFiles = new Map<string, { mode: number; uid: number }>()
  const look = ({ argv }: SeenProcess): void => {
    const path = argv[argv.indexOf('--authfile') + 1]
    if (!argv.includes('--authfile') || path === undefined || argv[0]?.endsWith('buildah') !== true) return
    const { mode, uid } = statSync(path)
    authFiles.set(path, { mode: mode & 0o777, uid })
  }
  const { result: step, seen } = await watchProcesses(() => succeed(options), look)
  const programs = seen.filter(({ argv }) => argv[0]?.endsWith('buildah') === true && argv.includes('--authfile'))
  expect([...authFiles.values()]).toStrictEqual([{ mode: 0o600, uid: programs[0]?.uid }])

  const commands = seen.map(({ argv }) => argv.join(' ')).join('\n')
  const environments = programs.map(({ environment }) => environment).join('\n')
  const { post, summary, state, outputs } = step
  const shown = [withoutMasks(step.log), post?.log, summary, JSON.stringify([state, outputs]), commands, environments]
  for (const text of telling) expect(shown.filter((place) => place?.includes(text))).toStrictEqual([])
  return step
}

const withPrivateBase = (): Files => ({ Dockerfile: `FROM ${privateBase}\nRUN echo built > /built\n` })
const withoutBase: Files = { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }

describe('several logins by the input registry-auth', () => {
  const entry = (registry: string, { username, password }: Login, scope?: string) => ({
    ...{ registry, username, password },
    ...(scope !== undefined && { scope }),
  })
  const inputs = (...entries: object[]) => ({
    ...{ push: 'true', 'tls-verify': 'false', 'registry-auth': JSON.stringify(entries) },
    tags: [`${guarded.host}/acme/both:1`, `${secure.host}/acme/both:1`].join('\n'),
  })

  test('push to each of their registries, and stay private', async () => {
    const entries = [entry(guarded.host, login), entry(secure.host, secureLogin, 'acme/both')]
    const { log } = await succeedDiscreetly({ workspace: withPrivateBase(), env, inputs: inputs(...entries) })
    expect(log).toContain(`Logged in to ${guarded.host} as ada\n`)
    expect(log).toContain(`Logged in to ${secure.host}/acme/both as grace\n`)
    const pushed = await pullImage(`${secure.host}/acme/both:1`, secureLogin)
    expect((await pullImage(`${guarded.host}/acme/both:1`, login)).rawConfig).toStrictEqual(pushed.rawConfig)
  })

  test('fail before the build if one of them is refused', async () => {
    const entries = [entry(guarded.host, login), entry(secure.host, { ...secureLogin, password: 'wrong' })]
    const { error, log } = await fail({ workspace: withoutBase, env, inputs: inputs(...entries) })
    expect(error).toContain(`Login to ${secure.host} as "grace" failed`)
    expect(log).not.toContain('STEP 1')
  })
})

describe('a login by the inputs', () => {
  const inputs = () => ({ images: `${guarded.host}/acme/web`, push: 'true', 'tls-verify': 'false', ...login })

  for (const [as, testHere] of [
    ['user', test],
    ['root', exhaustively(testUnless(rootReason))],
  ] as const) {
    testHere(`as ${as}: for the base image and the push`, async () => {
      const step = await succeedDiscreetly({ as, workspace: withPrivateBase(), inputs: inputs() })
      expect(step.log).toContain(`::add-mask::${login.password}\n`)
      expect(step.log).toContain(`Logged in to ${guarded.host} as ada\n`)
      expect(step.log.indexOf('Logged in')).toBeLessThan(step.log.indexOf('::group::Build'))
      expect((await pullImage(`${guarded.host}/acme/web:latest`, login)).digest).toBe(step.outputs['digest'])
    })
  }

  test('the auth file and the secrets are gone when main ends, should post never run', async () => {
    const secrets = { secrets: 'token=Lm5cRx8S' }
    const step = await runAction({ workspace: withoutBase, inputs: { ...inputs(), ...secrets }, only: 'main' })
    expect(step.exitCode).toBe(0)
    // The storage is still there, for later steps.
    expect(step.leftInTemp.filter((path) => path.endsWith('/storage.conf'))).toHaveLength(1)
    expect(step.leftInTemp.filter((path) => /auth\.json|secrets\//.test(path))).toStrictEqual([])
    for (const text of [...telling, 'Lm5cRx8S']) {
      await expect(run('grep', ['--recursive', '--fixed-strings', '--quiet', text, step.temp])).rejects.toThrow(
        'code 1',
      )
    }
  })

  test('stands in for an earlier login at that registry, and for its helper that fails, and leaves those at others', async () => {
    const auths = { [secure.host]: { auth: Buffer.from('grace:wrong').toString('base64') } }
    const credHelpers = { [secure.host]: 'broken', [guarded.host]: 'loud' }
    const answer = JSON.stringify({ ServerURL: '', Username: login.username, Secret: login.password })
    const loud = `#!/bin/sh\necho "said: $(id -u)" >&2\ncat <<'END'\n${answer}\nEND\n`
    const files = {
      '.docker/config.json': { content: JSON.stringify({ auths, credHelpers }), mode: 0o600 },
      'bin/docker-credential-broken': { content: '#!/bin/sh\necho "said: no" >&2\nexit 1\n', mode: 0o755 },
      'bin/docker-credential-loud': { content: loud, mode: 0o755 },
    }
    const home = makeWorkspace(files, accountFor('user'))
    const own = { ...env, PATH: `${home}/bin:/usr/sbin:/usr/bin:/sbin:/bin` }
    const inputs = { images: `${secure.host}/acme/web`, push: 'true', 'tls-verify': 'false', ...secureLogin }
    const step = await succeedDiscreetly({ home, env: own, workspace: withPrivateBase(), inputs })
    expect(step.log).not.toContain('said: ')
    expect((await pullImage(`${secure.host}/acme/web:latest`, secureLogin)).digest).toBe(step.outputs['digest'])
  })
})

describe('an earlier login', () => {
  const helper = (text: string): string =>
    `#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = HOST ] || exit 1\ncat <<'END'\n${text}\nEND\n`
  const answer = JSON.stringify({ ServerURL: '', Username: login.username, Secret: login.password })

  /** Files below the user's home, where `HOST` stands for the registry, and what the environment says of them. */
  const places: { name: string; files: Record<string, string>; variables?: Record<string, string> }[] = [
    { name: 'in REGISTRY_AUTH_FILE', files: { 'my/auth': 'AUTH' }, variables: { REGISTRY_AUTH_FILE: 'HOME/my/auth' } },
    {
      name: 'in XDG_RUNTIME_DIR',
      files: { 'run/containers/auth.json': 'AUTH' },
      variables: { XDG_RUNTIME_DIR: 'HOME/run' },
    },
    { name: 'in ~/.config/containers', files: { '.config/containers/auth.json': 'AUTH' } },
    { name: 'in ~/.docker', files: { '.docker/config.json': 'AUTH' } },
    {
      name: 'in a credential helper of ~/.docker',
      files: {
        '.docker/config.json': '{"credHelpers": {"HOST": "tiny"}}',
        'bin/docker-credential-tiny': helper(answer),
      },
      variables: { PATH: `HOME/bin:/usr/sbin:/usr/bin:/sbin:/bin` },
    },
    {
      name: 'in the credential store of ~/.docker',
      files: {
        '.docker/config.json': '{"auths": {"HOST": {}}, "credsStore": "tiny"}',
        'bin/docker-credential-tiny': helper(answer),
      },
      variables: { PATH: `HOME/bin:/usr/sbin:/usr/bin:/sbin:/bin` },
    },
    {
      name: 'in a credential store alone',
      files: { '.docker/config.json': '{"credsStore": "tiny"}', 'bin/docker-credential-tiny': helper(answer) },
      variables: { PATH: `HOME/bin:/usr/sbin:/usr/bin:/sbin:/bin` },
    },
  ]

  /** Each user of the ordinary set has a place. */
  const ordinary: Readonly<Record<string, 'user' | 'root'>> = {
    'in ~/.docker': 'user',
    'in a credential helper of ~/.docker': 'root',
  }

  for (const { name, files, variables = {} } of places) {
    for (const [as, testHere] of [
      ['user', ordinary[name] === 'user' ? test : exhaustively(test)],
      ['root', ordinary[name] === 'root' ? testUnless(rootReason) : exhaustively(testUnless(rootReason))],
    ] as const) {
      testHere(`${name}, as ${as}: for the base image and the push; it stays as it is`, async () => {
        const filled = Object.entries(files).map(([path, text]) => {
          const content = text.replace('AUTH', authOf(guarded.host, login)).replaceAll('HOST', guarded.host)
          return [path, { content, mode: path.startsWith('bin/') ? 0o755 : 0o600 }] as const
        })
        const home = makeWorkspace(Object.fromEntries(filled), accountFor(as))
        const before = snapshot(home, Object.keys(files))
        const own = Object.entries(variables).map(
          ([variable, value]) => [variable, value.replace('HOME', home)] as const,
        )
        const step = await succeedDiscreetly({
          as,
          home,
          env: { ...env, ...Object.fromEntries(own) },
          workspace: withPrivateBase(),
          inputs: { images: `${guarded.host}/acme/earlier`, push: 'true' },
        })
        expect((await pullImage(`${guarded.host}/acme/earlier:latest`, login)).digest).toBe(step.outputs['digest'])
        expect(snapshot(home, Object.keys(files))).toStrictEqual(before)
        expect(
          listFolder(home).filter((path) => /auth|docker|config\.json/.test(path) && !isOf(files, path)),
        ).toStrictEqual([])
      })
    }
  }
})

describe('a registry with a certificate that nobody knows', () => {
  const inputs = () => ({ images: `${secure.host}/acme/tls`, push: 'true', ...secureLogin })

  test('is refused, before the build, with what to do', async () => {
    const { error, log } = await fail({ workspace: withoutBase, inputs: inputs() })
    expect(error).toMatch(/x509: .*certificate/)
    expect(error).toContain(`This machine doesn't trust the certificate of the registry.`)
    expect(error).toContain('`tls-verify: false`')
    expect(log).not.toContain('::group::Build')
    await expect(pullImage(`${secure.host}/acme/tls:latest`, secureLogin)).rejects.toThrow('manifest unknown')
  })

  test('is taken with tls-verify: false', async () => {
    const options = { workspace: withoutBase, inputs: { ...inputs(), 'tls-verify': 'false' } }
    const { outputs } = await succeedDiscreetly(options)
    expect((await pullImage(`${secure.host}/acme/tls:latest`, secureLogin)).digest).toBe(outputs['digest'])
  })

  exhaustively(test)(
    'tls-verify: false is for the registries that are pushed to, not for that of the base image',
    async () => {
      const home = makeWorkspace({ '.docker/config.json': authOf(secure.host, secureLogin) }, accountFor('user'))
      const workspace = { Dockerfile: `FROM ${secure.host}/acme/tls:latest\nLABEL a=b\n` }
      const inputs = { images: `${open.host}/acme/tls`, push: 'true', 'tls-verify': 'false' }
      const { error } = await fail({ home, workspace, inputs })
      expect(error).toMatch(/x509: .*certificate/)
    },
  )
})

/** Content, mode and time of change of files. */
function snapshot(folder: string, paths: readonly string[]): unknown {
  return paths.map((path) => {
    const { mode, uid, mtimeMs } = statSync(join(folder, path))
    return { path, mode, uid, mtimeMs, content: readFileSync(join(folder, path), 'utf8') }
  })
}

function isOf(files: Readonly<Record<string, string>>, path: string): boolean {
  return Object.keys(files).some((own) => own === path || own.startsWith(`${path}/`))
}
