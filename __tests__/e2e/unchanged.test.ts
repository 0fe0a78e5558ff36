import { beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { busyboxImage } from '../harness/base-image.js'
import { run } from '../harness/command.js'
import { makeFolder } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { startRegistry } from '../harness/registry.js'
import type { StepOptions } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, type SkipRun, watchSkip } from '../harness/skip-steps.js'
import { exhaustively } from '../harness/test-set.js'
import { expectHit, type JobOptions, statsOf, uploads, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(240_000)

const place = await useWarmPlace()
const job = (name: string, lines: readonly string[], options?: JobOptions): StepOptions =>
  skipJob(place, name, lines, options)
const runIt = (step: StepOptions) => watchSkip(place, step)
const lines = ['COPY one /srv/one', 'RUN cat /proc/sys/kernel/random/uuid > /srv/id', 'COPY two /srv/two']
const files = { one: '1', two: '2' }
/** A job that most tests begin with, and what it gave when it was built. */
const same = (inputs: Readonly<Record<string, string>> = {}) =>
  job('same', lines, { files, inputs: { 'cache-scope': 'same', ...inputs } })
let cold: SkipRun

beforeAll(async () => {
  cold = await runIt(same())
})

describe('nothing has changed', () => {
  test('nothing is built, restored or sent, and the outputs are those of the run that built it', async () => {
    expectBuilt(cold)
    expectHit(cold, 'none')
    expect(statsOf(cold)['requests']).toBe(cold.requests)
    const step = same()
    const again = await runIt({ ...step, env: { ...step.env, RUNNER_DEBUG: '1' } })
    expectSkipped(again, cold)
    expect(again.requests).toBeLessThanOrEqual(2)
    expect(uploads(place.service)).toBe(0)
    // Beside the question whether it speaks TLS: the base image, the image, its configuration and four layers, its tag.
    const asked = again.asked.filter(({ path }) => path !== '/v2/').map(({ method }) => method)
    // The tag is looked up while the image is.
    expect(asked.toSorted()).toStrictEqual(['GET', ...Array<string>(7).fill('HEAD')])
    const names = [
      'tags',
      'tag-names',
      'labels',
      'annotations',
      'json',
      'metadata',
      'pushed',
      'version',
      'engine',
    ] as const
    for (const name of names) expect(again.outputs[name]).toBe(cold.outputs[name])
    expect(statsOf(again)['requests']).toBe(again.requests)
    expect(statsOf(again)).toMatchObject({ 'steps-hit': 3, 'steps-missed': 0, 'bytes-restored': 0, 'bytes-saved': 0 })
    expect(again.log).toContain('2 context files and 1 base image')
    expect(again.summary).toContain('Nothing was built')
    expect(again.summary).toContain(cold.outputs['digest'])
    expect([...warnings(cold), ...warnings(again)]).toStrictEqual([])

    const part = /^::debug::Unchanged: [\w .-]+: [0-9a-f]{64}$/gm
    expect(cold.log).not.toMatch(part)
    expect(again.log.match(part)).toHaveLength(29)
  })

  test('an image with provenance keeps its index, whose provenance is that of the run that built it', async () => {
    const attested = () => job('attested', lines, { files, inputs: { provenance: 'mode=min' } })
    const first = await runIt(attested())
    expectBuilt(first)
    const again = await runIt(attested())
    expectSkipped(again, first)
    expect(again.outputs['platform-digests']).toBe(first.outputs['platform-digests'])
    expect(again.asked.filter(({ method }) => method !== 'HEAD' && method !== 'GET')).toStrictEqual([])
  })

  test('a tag that is missing is put there by its manifest, also in another repository', async () => {
    const images = `${place.proxy.host}/acme/same\n${place.proxy.host}/acme/same-too`
    const more = await runIt(same({ images, tags: 'latest\n1.0\nv2' }))
    expectSkipped(more, cold)
    for (const name of ['same:1.0', 'same:v2', 'same-too:latest', 'same-too:v2'])
      expect((await pullImage(`${place.registry}/acme/${name}`)).digest).toBe(cold.outputs['digest'])
    expect(more.outputs['pushed']).toContain('acme/same-too:v2')
    const tagged = more.log.match(/^Tagged .*$/gm)
    expect(tagged).toHaveLength(6)
    expect(tagged).toContain(`Tagged ${place.proxy.host}/acme/same-too:v2@${more.outputs['digest']}`)
  })

  exhaustively(test)('a tag that somebody else has moved is moved back', async () => {
    const step = job('stolen', lines, { files })
    const cold = await runIt(step)
    await busyboxImage(place.registry, 'acme/stolen:latest')
    expect((await place.pull('stolen')).digest).not.toBe(cold.outputs['digest'])
    expectSkipped(await runIt(step), cold)
    expect((await place.pull('stolen')).digest).toBe(cold.outputs['digest'])
  })

  exhaustively(test)('an image that the registry no longer has is built', async () => {
    await run('skopeo', ['delete', '--tls-verify=false', `docker://${place.registry}/acme/same:latest`])
    const again = await runIt(same())
    expectBuilt(
      again,
      /^Unchanged: no build input has changed since the build of .*, but its image can't be reused: .* is no longer in the registry$/m,
    )
    expect(again.outputs['digest']).toBe(cold.outputs['digest'])
    expectSkipped(await runIt(same()), cold)
  })

  test('an image that can no longer be pulled is built', async () => {
    const { digest, manifest } = await place.pull('same')
    const [lost] = manifest.layers.slice(-1)
    const blob = `http://${place.registry}/v2/acme/same/blobs/${lost?.digest ?? ''}`
    expect((await fetch(blob, { method: 'DELETE' })).status).toBe(202)
    const again = await runIt(same())
    expectBuilt(
      again,
      /^Unchanged: no build input has changed since the build of .*, but its image can't be reused: .* can't be pulled: the registry has lost /m,
    )
    expect((await place.pull('same')).digest).toBe(digest)
    expectSkipped(await runIt(same()), again)
  })

  exhaustively(test)('a second registry that has never had it gets it by a build, and then has it', async () => {
    const second = await startRegistry()
    try {
      const inputs = { 'cache-scope': 'second' }
      await runIt(job('second', lines, { files, inputs }))
      const images = `${place.proxy.host}/acme/second\n${second.host}/acme/second`
      const both = job('second', lines, { files, inputs: { ...inputs, images } })
      const built = await runIt(both)
      expectBuilt(built, /since it was not pushed to /)
      expectSkipped(await runIt(both), built)
    } finally {
      await second.stop()
    }
  })

  exhaustively(test)('two images of one repository are told apart', async () => {
    const one = job('one-of-two', lines, { files })
    const other = job('other-of-two', lines, { files: { ...files, one: 'other' } })
    const [first, second] = [await runIt(one), await runIt(other)]
    expectSkipped(await runIt(one), first)
    expectSkipped(await runIt(other), second)
  })

  test('in a folder that stays, as with the service', async () => {
    const directory = makeFolder('kept', accountFor('user'))
    const inputs = { cache: 'directory', 'cache-dir': directory }
    const step = job('directory', lines, { files, inputs })
    const cold = await runIt(step)
    expectSkipped(await runIt(step), cold)
  })
})

exhaustively(test)("in a folder that stays, a pull request's image is not what a push to main finds", async () => {
  const directory = makeFolder('kept', accountFor('user'))
  const inputs = { cache: 'directory', 'cache-dir': directory }
  const payload = { repository: { full_name: 'acme/web', default_branch: 'main' } }
  const own = { head: { repo: { full_name: 'acme/web' } }, base: { ref: 'main', repo: { full_name: 'acme/web' } } }
  const event = { name: 'pull_request', payload: { ...payload, pull_request: own } }
  const pull = () => job('pulls', lines, { files, inputs, event, env: { GITHUB_REF: 'refs/pull/7/merge' } })
  const push = () => job('pulls', lines, { files, inputs, event: { name: 'push', payload } })
  expectBuilt(await runIt(pull()))
  const built = await runIt(push())
  expectBuilt(built)
  expect(built.outputs['cache-hit']).toBe('none')
  expectSkipped(await runIt(push()), built)
  // Whoever opens the next one finds what main has.
  const next = job('pulls', lines, { files, inputs, event, env: { GITHUB_REF: 'refs/pull/8/merge' } })
  expectSkipped(await runIt(next), built)
})

exhaustively(test)('a base image with instructions of its own is never remembered', async () => {
  await runIt(job('triggers', ['ONBUILD COPY . /all'], { inputs: { format: 'docker' } }))
  const step = (text: string) => {
    const made = job('on-triggers', [], { files: { Dockerfile: '', any: text } })
    const workspace = { Dockerfile: `FROM ${place.proxy.host}/acme/triggers:latest\nRUN true\n`, any: text }
    return { ...made, workspace }
  }
  await runIt(step('1'))
  expectBuilt(await runIt(step('1')))
  expectBuilt(await runIt(step('2')))
})

exhaustively(test)("a fork's pull request builds, and what it remembers nobody else sees", async () => {
  const payload = { repository: { full_name: 'acme/web', default_branch: 'main' } }
  const pull = { head: { repo: { full_name: 'mallory/web' } }, base: { ref: 'main', repo: { full_name: 'acme/web' } } }
  const noteKeys = () => place.service.entries().filter(({ key }) => key.includes('-n-')).length
  const before = noteKeys()
  const fork = await runIt(
    job('same', lines, {
      files: { ...files, one: 'evil' },
      inputs: { 'cache-scope': 'same', push: 'false' },
      event: { name: 'pull_request', payload: { ...payload, pull_request: pull } },
      token: { ref: 'refs/pull/7/merge', fallbacks: ['refs/heads/main'] },
      env: { GITHUB_REF: 'refs/pull/7/merge', GITHUB_BASE_REF: 'main' },
    }),
  )
  expectBuilt(fork)
  expect(noteKeys()).toBe(before)
  expectSkipped(await runIt(same()), cold)
})
