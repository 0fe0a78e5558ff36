import { readlinkSync } from 'node:fs'

import { beforeAll, expect, jest } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { matrixEngines } from '../harness/engines.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { likeHostedRunner } from '../harness/surroundings.js'
import { describeExhaustively, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()

const engine = matrixEngines().find(({ version }) => version === '1.23.1')
const testOldest = exhaustively(testUnless(rootReason ?? engine?.missing))

// What it gets wrong is in known-wrong.test.ts, by chroot.
describeExhaustively('the Buildah of ubuntu-22.04', () => {
  beforeAll(() => engine?.start())

  function step(lines: readonly string[], inputs: Readonly<Record<string, string>> = {}): StepOptions {
    const push = { images: `${registry.host}/acme/oldest`, push: 'true', 'tls-verify': 'false' }
    return {
      ...engine?.wish(),
      workspace: { Dockerfile: [`FROM ${base} AS one`, ...lines, ''].join('\n') },
      inputs: { ...push, engine: 'buildah', 'buildah-version': '1.23.1', ...inputs },
      within: likeHostedRunner,
    }
  }

  testOldest('gives RUN a network of its own', async () => {
    const { log } = await succeed(step(['RUN readlink /proc/self/ns/net >/net']))
    const net = contentOf(await pullImage(`${registry.host}/acme/oldest:latest`), 'net')
    expect(log).toMatch(/, isolation rootless with \S+\/crun$/m)
    expect(net.toString().trim()).not.toBe(readlinkSync('/proc/self/ns/net'))
  })

  testOldest('is refused where RUN shall have no network', async () => {
    const { error } = await fail(step(['RUN true'], { network: 'none' }))
    expect(error).toContain('input "network" needs Buildah 1.28.0')
  })

  testOldest('fails by the line that failed, though it has begun the next stage', async () => {
    const stages = ['RUN true', 'RUN false', `FROM ${base} AS two`, 'RUN true', `FROM ${base}`]
    const copies = ['COPY --from=one /etc/group /one', 'COPY --from=two /etc/group /two']
    const { log } = await fail(step([...stages, ...copies]))
    expect(log).toMatch(/^::error file=Dockerfile,line=3::The build failed/m)
  })
})
