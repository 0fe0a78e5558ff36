import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { makeFolder } from '../harness/folders.js'
import { ownArchitecture, readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { useRegistry } from '../harness/use-registry.js'
import { stepsOf } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()
const own = `linux/${ownArchitecture()}`
const foreign = own === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const kept = makeFolder('kept', accountFor('user'))

/** A stage for each platform, of which the foreign one has no RUN: nothing is emulated. */
const dockerfile = (run: string, copied: string) => `ARG TARGETARCH
FROM ${base} AS for-${own.replace('linux/', '')}
RUN echo first >/first
RUN ${run}

FROM scratch AS for-${foreign.replace('linux/', '')}
COPY hello /first
COPY ${copied} /second

FROM for-$TARGETARCH
`

const step = (run: string, copied: string): StepOptions => ({
  workspace: { Dockerfile: dockerfile(run, copied), hello: 'hello', other: 'other' },
  inputs: {
    ...{ images: `${registry.host}/acme/half`, tags: '1', push: 'true', 'tls-verify': 'false' },
    ...{ platforms: `${own},${foreign}`, cache: 'directory', 'cache-dir': kept },
  },
})

/** The steps of one platform. */
const of = (platform: string, { log }: StepResult) =>
  stepsOf({ log: [...log.matchAll(new RegExp(`^${platform}: (.*)$`, 'gm'))].map(([, line]) => line).join('\n') })

const expectNoTag = () => expect(getManifest(`${registry.host}/acme/half:1`)).rejects.toThrow('404')

test('where one platform fails, the error names it and the line, nothing is tagged, and all steps are kept', async () => {
  const ofRun = await fail(step('echo no && false', 'other'))
  expect(ofRun.error).toMatch(new RegExp(`^${own}: Dockerfile line 4: The build failed\\.\n`))
  expect(ofRun.error).not.toContain(foreign)
  expect(ofRun.log).toMatch(/^::error file=Dockerfile,line=4::/m)
  await expectNoTag()

  const ofCopy = await fail(step('echo yes', 'missing'))
  expect(ofCopy.error).toMatch(new RegExp(`^${foreign}: Dockerfile line 8: The build failed\\.\n`))
  expect(ofCopy.error).toContain('The context has no "missing"')
  expect(ofCopy.error).not.toContain(own)
  expect(of(own, ofCopy)).toStrictEqual({ hit: ['RUN echo first >/first'], ran: ['RUN echo yes'] })
  await expectNoTag()

  const whole = await succeed(step('echo yes', 'other'))
  expect(of(own, whole)).toStrictEqual({ hit: ['RUN echo first >/first', 'RUN echo yes'], ran: [] })
  expect(of(foreign, whole)).toStrictEqual({ hit: ['COPY hello /first', 'COPY other /second'], ran: [] })
  const { bytes } = await getManifest(`${registry.host}/acme/half:1`)
  expect(whole.outputs['digest']).toBe(digestOf(bytes))
  expect(readIndex(bytes).manifests).toHaveLength(2)
})

test('where both fail, the error names the line of each', async () => {
  const { error } = await fail(step('exit 7', 'missing'))
  expect(error).toMatch(new RegExp(`^${own}: Dockerfile line 4: The build failed\\.$`, 'm'))
  expect(error).toMatch(new RegExp(`^${foreign}: Dockerfile line 8: The build failed\\.$`, 'm'))
})
