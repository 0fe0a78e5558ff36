import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import { type CacheService, startCacheService } from '../harness/cache-service.js'
import { fail, succeed } from '../harness/clean-step.js'
import { ownArchitecture, readIndex } from '../harness/platform-images.js'
import { pretendArm64 } from '../harness/pretend-arm64.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry } = await useRegistry()
const onAmd64 = testUnless(ownArchitecture() === 'amd64' ? undefined : 'this machine is itself one of arm64')
const arm64 = pretendArm64()
const Dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY hello /hello-$TARGETARCH\n'

let service: CacheService
beforeAll(async () => {
  // As GitHub's does at times.
  service = await startCacheService({ lookupDelay: 5000 })
})
afterAll(() => service.stop())

/** One job of a matrix. */
interface Job {
  readonly image: string
  readonly architecture: 'amd64' | 'arm64'
  readonly run: string
  readonly attempt?: string
  /** Whether the checkout lacks what the Dockerfile copies. */
  readonly isBroken?: boolean
}

function leg({ image, architecture, run, attempt = '1', isBroken = false }: Job): StepOptions {
  const { env, ...machine } = architecture === 'arm64' ? arm64 : { env: {} }
  return {
    ...machine,
    workspace: { Dockerfile, ...(isBroken ? {} : { hello: 'hello\n' }) },
    inputs: {
      ...{ images: `${registry.host}/acme/${image}`, push: 'true', 'tls-verify': 'false', cache: 'off' },
      ...{ platforms: 'linux/amd64,linux/arm64', distribute: 'true', timestamp: '0' },
    },
    env: { ...service.environment(), ...env, GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt },
  }
}

/** The jobs of a matrix, at the same time. @returns the outputs of the one that joined, and of the others */
async function matrix(job: Omit<Job, 'architecture'>) {
  const legs = (['amd64', 'arm64'] as const).map((architecture) => succeed(leg({ ...job, architecture })))
  const outputs = (await Promise.all(legs)).map((one) => one.outputs)
  return {
    joined: outputs.filter((one) => one['joined'] === 'true'),
    others: outputs.filter((one) => one['joined'] !== 'true'),
  }
}

const tagged = async (image: string) => (await getManifest(`${registry.host}/acme/${image}:latest`)).bytes
const expectNoTag = (image: string) => expect(tagged(image)).rejects.toThrow('404')

describe('the jobs of a matrix', () => {
  onAmd64('join once in each of two runs of one commit, at the same time, and put the same bytes', async () => {
    const runs = await Promise.all(['101', '102'].map((run) => matrix({ image: 'two-runs', run })))
    const index = await tagged('two-runs')
    const { manifests } = readIndex(index)
    expect(manifests.map(({ platform }) => platform.architecture)).toStrictEqual(['amd64', 'arm64'])
    for (const { joined, others } of runs) {
      // A job that met those of the other run would find no number left, and join as well.
      expect([joined.length, others.length]).toStrictEqual([1, 1])
      expect(joined[0]).toMatchObject({ digest: digestOf(index) })
      expect(JSON.parse(joined[0]?.['platform-digests'] ?? '')).toStrictEqual({
        'linux/amd64': manifests[0]?.digest,
        'linux/arm64': manifests[1]?.digest,
      })
      expect(others[0]).toMatchObject({ digest: '', joined: 'false' })
    }
  })

  onAmd64('leave no tag where one fails; it joins when it is run again, and all join when all are', async () => {
    const job = { image: 'rerun', run: '103' }
    const first = await succeed(leg({ ...job, architecture: 'amd64' }))
    const { error } = await fail(leg({ ...job, architecture: 'arm64', isBroken: true }))
    expect(error).toContain('The context has no "hello"')
    expect(first.log).toContain('Distribute: not the last of the legs; the last one tags the image')
    expect(first.outputs).toMatchObject({ joined: 'false', digest: '' })
    await expectNoTag('rerun')

    const again = await succeed(leg({ ...job, architecture: 'arm64', attempt: '2' }))
    const index = await tagged('rerun')
    expect(again.outputs).toMatchObject({ joined: 'true', digest: digestOf(index) })
    expect(readIndex(index).manifests).toMatchObject([
      { digest: Object.values(JSON.parse(first.outputs['platform-digests'] ?? '') as object)[0] as string },
      { platform: { architecture: 'arm64' } },
    ])

    const all = await matrix({ ...job, attempt: '3' })
    expect(all.joined.map((one) => one['digest'])).toStrictEqual([digestOf(index), digestOf(index)])
    expect(await tagged('rerun')).toStrictEqual(index)
  })

  // It waits for two minutes.
  exhaustively(onAmd64)('of which one is missing say so, and leave no tag', async () => {
    const job = { image: 'missing', run: '104', architecture: 'amd64' } as const
    await succeed(leg(job))
    const { error, log } = await fail(leg(job))
    expect(log).toContain('Distribute: waiting for the record of linux/arm64')
    expect(error).toContain('Input "distribute": no runner of this run has pushed linux/arm64 with the same inputs.')
    expect(error).toContain('Look whether a runner of each platform is in the matrix, and whether its job has failed')
    await expectNoTag('missing')
  })
})
