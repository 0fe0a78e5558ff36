import { afterAll, describe, expect, jest } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import { startFlakyProxy } from '../harness/flaky-proxy.js'
import { type Files, removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { startRegistry } from '../harness/registry.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'

jest.setTimeout(180_000)

const docker = await useDocker()
afterAll(removeFolders)

const ways = casesOfSet<DockerWay>(['buildx', 'buildx-docker'], (mode) => mode === 'buildx-docker')

describe.each(ways)('with %s, the error', (mode) => {
  const testHere = testUnless(dockerReason())
  const errorOf = async (workspace: Files) => {
    const step = await fail({ workspace, inputs: { engine: 'docker', cache: 'off' }, env: docker.environment(mode) })
    return { ...step, mark: /^::error file=(.*?),line=(\d+)::/m.exec(step.log)?.slice(1) }
  }

  testHere('of a COPY that finds nothing names what is spelled alike', async () => {
    const Dockerfile = 'FROM scratch\n\nCOPY src/Server.js /srv/\n'
    const { error, mark } = await errorOf({ Dockerfile, 'src/server.js': '' })
    expect(mark).toStrictEqual(['Dockerfile', '3'])
    expect(error).toMatch(/\nThe context has no "src\/Server\.js".* Did you mean "src\/server\.js"\?$/)
  })

  exhaustively(testHere)('of a COPY that is ignored names the line of the ignore file', async () => {
    const file = '.containerignore'
    const Dockerfile = 'FROM scratch\nCOPY secret.env /srv/\n'
    const { error, mark } = await errorOf({ Dockerfile, 'secret.env': '', [file]: '# no secrets\n*.env\n' })
    expect(mark).toStrictEqual(['Dockerfile', '2'])
    expect(error).toContain(`\n"secret.env" is excluded from the context by line 2 of ${file}; `)
  })

  exhaustively(testHere)('of a COPY from another stage says nothing of the context', async () => {
    const Dockerfile = 'FROM scratch AS first\nCOPY one /one\nFROM scratch\nCOPY --from=first two /two\n'
    const { error } = await errorOf({ Dockerfile, one: '' })
    expect(error).toMatch(/two/)
    expect(error).not.toContain('The context has')
  })
})

testUnless(dockerReason())(
  'the error of BuildKit’s own checks names their rules, but none that the Dockerfile skips',
  async () => {
    const Dockerfile = '# check=skip=WorkdirRelativePath\nFROM scratch\nWORKDIR x\nENV A_TOKEN=1\n'
    const inputs = { engine: 'docker', cache: 'off', checks: 'error' }
    const env = docker.environment('buildx')
    const { error, log } = await fail({ workspace: { Dockerfile }, inputs, env })
    expect(error).toContain('begin the Dockerfile with `# check=skip=SecretsUsedInArgOrEnv`')
    expect(log).not.toMatch(/^::warning/m)
    await succeed({ workspace: { Dockerfile }, inputs: { ...inputs, checks: 'off' }, env })
  },
)

describe.each<DockerWay>(['buildx', 'buildx-docker'])('with %s, a push of which the registry lacks a layer', (mode) => {
  /** A test that in the ordinary set is one of this way alone. */
  const testOf = (one: DockerWay) => {
    const testHere = testUnless(dockerReason())
    return mode === one ? testHere : exhaustively(testHere)
  }
  const manifests = /\/manifests\//
  const errors = [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown to registry', detail: {} }]
  const fault = { method: 'PUT', path: manifests, answer: { status: 400, errors } }
  const retries = (log: string) => log.match(/^Push of .*attempt \d failed.*blob unknown to registry$/gm)

  const pushTo = (host: string): StepOptions => ({
    workspace: { Dockerfile: 'FROM scratch\nCOPY file /\n', file: mode },
    inputs: { engine: 'docker', cache: 'off', images: `${host}/acme/${mode}`, push: 'true', 'tls-verify': 'false' },
    env: docker.environment(mode),
  })

  testOf('buildx')('once is made again', async () => {
    const registry = await startRegistry()
    const proxy = await startFlakyProxy(registry.host, [{ ...fault, times: 1 }])
    try {
      const { outputs, log } = await succeed(pushTo(proxy.host))
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/acme/${mode}`)).digest)
      expect(proxy.count('PUT', manifests)).toBe(2)
      expect(retries(log)).toHaveLength(1)
    } finally {
      await proxy.stop()
      await registry.stop()
    }
  })

  exhaustively(testUnless(dockerReason()))('of one tag alone names it, and what is there', async () => {
    const registry = await startRegistry()
    const denied = { method: 'PUT', path: /\/manifests\/two/, answer: { status: 403, errors: [{ code: 'DENIED' }] } }
    const proxy = await startFlakyProxy(registry.host, [{ ...denied, times: 99 }])
    try {
      const step = pushTo(proxy.host)
      const { error } = await fail({ ...step, inputs: { ...step.inputs, tags: 'one\ntwo' } })
      const name = `${proxy.host}/acme/${mode}`
      expect(error).toContain(`Not pushed: ${name}:two. Pushed: ${name}:one.`)
      expect(error).toContain('The login is valid, but it has no access')
    } finally {
      await proxy.stop()
      await registry.stop()
    }
  })

  testOf('buildx-docker')('each time is made twice more, and ends with a hint', async () => {
    const registry = await startRegistry()
    const proxy = await startFlakyProxy(registry.host, [{ ...fault, times: 99 }])
    try {
      const { error, log } = await fail(pushTo(proxy.host))
      expect(error).toContain("The registry doesn't find content that was just pushed to it.")
      expect(proxy.count('PUT', manifests)).toBe(3)
      expect(retries(log)).toHaveLength(2)
    } finally {
      await proxy.stop()
      await registry.stop()
    }
  })
})
