import { describe, jest } from '@jest/globals'

import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import type { StepOptions } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, watchSkip } from '../harness/skip-steps.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'
import type { JobOptions } from '../harness/warm-steps.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()
const lines = ['COPY one /srv/one', 'RUN cat /proc/sys/kernel/random/uuid > /srv/id']

const ways = casesOfSet<DockerWay>(['buildx', 'buildx-docker'], (mode) => mode === 'buildx-docker')

describe.each(ways)('with %s', (mode) => {
  const missing = dockerReason()
  const job = (name: string, instructions: readonly string[], options: JobOptions = {}): StepOptions =>
    skipJob(place, `${name}-${mode}`, instructions, {
      ...options,
      as: 'root',
      env: { ...docker.environment(mode), ...options.env },
      inputs: { engine: 'docker', ...options.inputs },
    })

  testUnless(missing)('nothing has changed, and then a file', async () => {
    await docker.renew()
    const step = job('skip', lines, { files: { one: '1' } })
    const cold = await watchSkip(place, step)
    expectSkipped(await watchSkip(place, step), cold)
    expectBuilt(
      await watchSkip(place, { ...step, workspace: { ...(step.workspace as object), one: '2' } }),
      /; changed since the build of .*: context$/m,
    )
  })

  exhaustively(testUnless(missing))('a base image with instructions of its own is never remembered', async () => {
    await watchSkip(place, job('triggers', ['ONBUILD COPY . /all'], { inputs: { format: 'docker' } }))
    const step = (text: string): StepOptions => ({
      ...job('on-triggers', []),
      workspace: { Dockerfile: `FROM ${place.proxy.host}/acme/triggers-${mode}:latest\nRUN true\n`, any: text },
    })
    await watchSkip(place, step('1'))
    expectBuilt(await watchSkip(place, step('1')))
    expectBuilt(await watchSkip(place, step('2')))
  })
})

exhaustively(testUnless(dockerReason()))("an image that only this machine's daemon has is in doubt", async () => {
  await docker.load(`docker://${place.registry}/base/busybox:1`, 'acme/only-here:1')
  const step: StepOptions = {
    ...skipJob(place, 'own-base', [], {
      as: 'root',
      env: docker.environment('buildx-docker'),
      inputs: { engine: 'docker' },
    }),
    workspace: { Dockerfile: 'FROM acme/only-here:1\nRUN true\n' },
  }
  await watchSkip(place, step)
  expectBuilt(await watchSkip(place, step))
})
