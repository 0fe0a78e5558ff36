import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, describe, expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { processesWith } from '../harness/processes.js'
import { watchProcesses } from '../harness/process-watch.js'
import { startRegistry } from '../harness/registry.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { withCovered, withoutNewPrivileges, withoutPrograms, withoutUserNamespaces } from '../harness/surroundings.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { warnings } from '../harness/warm-steps.js'
import { useDocker } from '../harness/use-docker.js'

jest.setTimeout(300_000)

const login = { username: 'somebody', password: 'pass word "quoted"' }
const testDocker = testUnless(dockerReason())

const docker = await useDocker()
const registry = await startRegistry({ login })

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

const dockerfile = 'FROM scratch\nCOPY one /one\n'

function step(
  mode: DockerWay | 'none',
  inputs: Record<string, string> = {},
  more: Partial<StepOptions> = {},
): StepOptions {
  return {
    workspace: { Dockerfile: dockerfile, one: '1' },
    ...more,
    inputs: { images: `${registry.host}/acme/web`, cache: 'off', ...inputs },
    env: { ...docker.environment(mode), ...more.env },
  }
}

describe('where Buildah can’t build, Docker does, with one warning that gives the reason:', () => {
  const bare = async () => {
    const path = join(makeFolder('tool'), 'newuidmap')
    await run('install', ['--mode=755', '/usr/bin/newuidmap', path])
    return withCovered({ '/usr/bin/newuidmap': path })
  }
  const noIds = () => withCovered({ '/etc/subuid': '/dev/null', '/etc/subgid': '/dev/null' })

  for (const [what, within, reason] of [
    ['newuidmap is missing', () => withoutPrograms('newuidmap'), 'apt-get install uidmap'],
    ['newuidmap has lost its setuid bit', bare, 'chmod u+s /usr/bin/newuidmap'],
    ['the account has no subordinate IDs', noIds, 'usermod --add-subuids'],
    ['the process may not gain privileges', () => withoutNewPrivileges, 'allowPrivilegeEscalation: true'],
    ['the kernel allows no user namespaces', () => withoutUserNamespaces, 'sysctl -w user.max_user_namespaces='],
    ['there is no Buildah, and none can be had', () => withoutPrograms('buildah', 'apt-get', 'sudo'), 'Buildah'],
  ] as const) {
    const testHere = what === 'newuidmap is missing' ? testDocker : exhaustively(testDocker)
    testHere(what, async () => {
      const { outputs, log } = await succeed(step('buildx', {}, { within: await within() }))
      expect(outputs).toMatchObject({ engine: 'docker', rootless: 'false' })
      expect(warnings({ log })).toHaveLength(1)
      expect(log).toMatch(/^::warning::Falling back to Docker: Buildah can't run here/m)
      expect(warnings({ log })[0]).toContain(reason)
    })
  }

  exhaustively(testDocker)('a Dockerfile that this Buildah is too old for', async () => {
    const workspace = { Dockerfile: 'FROM scratch\nCOPY --parents a/one /\n', 'a/one': '1' }
    const within = withoutPrograms('apt-get', 'sudo')
    const { outputs, log } = await succeed(step('buildx', {}, { workspace, within }))
    expect(outputs['engine']).toBe('docker')
    expect(warnings({ log })[0]).toContain('COPY with --parents')
  })
})

describe('where neither can build, one error has both reasons:', () => {
  const within = withoutPrograms('newuidmap')

  exhaustively(testDocker)('no daemon at DOCKER_HOST', async () => {
    const { error } = await fail(
      step('buildx-docker', {}, { within, env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } }),
    )
    expect(error).toMatch(/^Neither Buildah nor Docker can build here\.\nBuildah: .*newuidmap is missing/)
    expect(error).toContain('Cannot connect to the Docker daemon at unix:///nowhere/docker.sock')
    expect(error).toContain('systemctl start docker')
  })

  exhaustively(testDocker)('a socket that this user may not open', async () => {
    const host = docker.host.slice('unix://'.length)
    await run('chmod', ['600', host])
    const { error } = await fail(step('buildx-docker', {}, { within }))
    await run('chmod', ['660', host])
    expect(error).toContain(': permission denied.')
    expect(error).toContain('usermod --append --groups docker')
  })

  exhaustively(testDocker)('no docker on PATH', async () => {
    const { error } = await fail(
      step(
        'buildx-docker',
        {},
        { within: withoutPrograms('newuidmap', 'docker'), env: { PATH: '/usr/sbin:/usr/bin' } },
      ),
    )
    expect(error).toContain('Docker: The program docker is not on PATH.')
  })

  exhaustively(testDocker)('a context of the user that leads nowhere', async () => {
    const config = makeFolder('config', accountFor('user'))
    writeFileSync(join(config, 'config.json'), '{"currentContext":"elsewhere"}')
    const { error } = await fail(
      step('buildx-docker', { engine: 'docker' }, { env: { DOCKER_HOST: undefined, DOCKER_CONFIG: config } }),
    )
    expect(error).toMatch(/Docker daemon of the context "elsewhere"|context "elsewhere"/)
  })
})

describe('what a builder can’t do is refused before the build', () => {
  exhaustively(testDocker)('everything, without Buildx', async () => {
    const { error } = await fail(step('none', { engine: 'docker' }))
    expect(error).toMatch(
      /^Input "engine": got "docker"\. Docker 20\.\S+ has no Buildx here, and this action builds only with Buildx\.\n/,
    )
    expect(error).toContain('`- uses: docker/setup-buildx-action@v3`')
  })

  exhaustively(testDocker)('what the BuildKit of the daemon is too old for', async () => {
    const limited = await fail(step('buildx-docker', { engine: 'docker', ulimit: 'nofile=100' }))
    expect(limited.error).toMatch(/^Input "ulimit" needs BuildKit 0\.10\.0, but the builder has 0\.8/)
    const workspace = { Dockerfile: 'FROM scratch\nCOPY <<E /e\ne\nE\n' }
    const { error } = await fail(step('buildx-docker', { engine: 'docker' }, { workspace }))
    expect(error).toMatch(/^Dockerfile line 2: COPY with a heredoc needs BuildKit 0\.10\.0/)
  })

  exhaustively(testDocker)('a registry that the daemon may not speak to in plain text', async () => {
    const inputs = { engine: 'docker', images: 'registry.example.com/acme/web', 'tls-verify': 'false' }
    const { error } = await fail(step('buildx-docker', inputs))
    expect(error).toContain('"insecure-registries": ["registry.example.com"]')
  })
})

const ways = casesOfSet<DockerWay>(['buildx', 'buildx-docker'], (mode) => mode === 'buildx')

describe.each(ways)('a login with %s', (mode) => {
  const inputs = { engine: 'docker', push: 'true', 'tls-verify': 'false', tags: 'v1', ...login }

  testDocker('is private, is in no argument, and is gone afterwards', async () => {
    const home = makeFolder('home', accountFor('user'))
    const theirs = join(home, '.docker')
    mkdirSync(theirs)
    writeFileSync(join(theirs, 'config.json'), '{"auths":{},"credsStore":"nowhere"}')
    const options = step(mode, inputs, { home })
    const { result, seen } = await watchProcesses(() => succeed(options))
    expect(result.outputs['digest']).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(seen.some(({ argv }) => argv.includes('--password-stdin'))).toBe(true)
    for (const { argv, environment } of seen) {
      expect(argv.join(' ')).not.toContain(login.password)
      if (!environment.includes('INPUT_PASSWORD')) expect(environment).not.toContain(login.password)
    }
    expect(result.log.replaceAll(/^::add-mask::.*$/gm, '')).not.toContain(login.password)
    expect((await run('cat', [join(theirs, 'config.json')])).toString()).toBe('{"auths":{},"credsStore":"nowhere"}')
    expect(processesWith(result.temp)).toStrictEqual([])
  })

  exhaustively(testDocker)('that is refused is said so before the build', async () => {
    const { error, log } = await fail(step(mode, { ...inputs, password: 'wrong' }))
    expect(error).toContain(`Login to ${registry.host} as "somebody" failed`)
    expect(error).toContain('Check "username", "password" and "registry"')
    expect(log).not.toContain('::group::Build')
  })
})

describe.each(ways)('a build that fails with %s', (mode) => {
  testDocker('marks the line of the Dockerfile', async () => {
    const workspace = {
      Dockerfile: 'FROM scratch\nENV A=1\nCOPY one /one\nCOPY two /two\nCOPY nothing /nothing\n',
      one: '1',
      two: '2',
    }
    const { log } = await fail(step(mode, { engine: 'docker' }, { workspace }))
    expect(log).toMatch(/^::error file=Dockerfile,line=5::The build failed\./m)
  })
})
