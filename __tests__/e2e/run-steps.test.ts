import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'

import { describe, expect, jest, test } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { contentOf } from '../harness/image-content.js'
import { type PulledImage, pullImage } from '../harness/images.js'
import type { StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { likeHostedRunner, type StepInputs } from '../harness/surroundings.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()

/** Builds these lines on busybox, pushes and pulls back. */
async function built(
  lines: readonly string[],
  inputs: Record<string, string>,
  within?: StepInputs,
): Promise<{ step: StepResult; image: PulledImage }> {
  const push = { images: `${registry.host}/acme/steps`, push: 'true', 'tls-verify': 'false' }
  const workspace = { Dockerfile: [`FROM ${busybox}`, ...lines, ''].join('\n') }
  const step = await succeed({ workspace, inputs: { ...push, ...inputs }, ...(within && { within }) })
  return { step, image: await pullImage(`${registry.host}/acme/steps:latest`) }
}

test('add-hosts, ulimit and network: host', async () => {
  const lines = [
    'RUN cat /etc/hosts > /hosts && ulimit -Sn > /soft && ulimit -Hn > /hard',
    `RUN wget -q -O /answer http://${registry.host}/v2/`,
  ]
  const inputs = {
    'add-hosts': 'db.example:10.1.2.3\nsix.example=[2001:db8::1]',
    ulimit: 'nofile=1024:2048',
    network: 'host',
  }
  const { image } = await built(lines, inputs)
  const hosts = contentOf(image, 'hosts').toString()
  expect(hosts).toMatch(/^10\.1\.2\.3\s+db\.example$/m)
  expect(hosts).toMatch(/^2001:db8::1\s+six\.example$/m)
  expect(contentOf(image, 'soft').toString()).toBe('1024\n')
  expect(contentOf(image, 'hard').toString()).toBe('2048\n')
  expect(contentOf(image, 'answer').toString()).toBe('{}')
})

test('extra-args go to Buildah as they are, one a line', async () => {
  const { image } = await built(['ENV A=1'], { 'extra-args': '--timestamp\n0\n--os-version=name with spaces' })
  expect(image.config.created).toBe('1970-01-01T00:00:00Z')
  expect(image.config).toMatchObject({ 'os.version': 'name with spaces' })
})

describe('what is made anew', () => {
  const id = 'RUN cat /proc/sys/kernel/random/uuid > /id'
  // Two stages of the same steps: the second one finds those of the first in the storage.
  const lines = (): string[] => [id, `FROM ${busybox}`, id, 'COPY --from=0 /id /first']

  test('nothing without a word: the second stage takes the steps of the first', async () => {
    const { image, step } = await built(lines(), {})
    expect(contentOf(image, 'id')).toStrictEqual(contentOf(image, 'first'))
    expect(step.log.match(/^Pull of /gm)).toHaveLength(1)
  })

  test('every step with no-cache', async () => {
    const { image } = await built(lines(), { 'no-cache': 'true' })
    expect(contentOf(image, 'id')).not.toStrictEqual(contentOf(image, 'first'))
  })

  exhaustively(test)('every base image with pull', async () => {
    const { step } = await built(lines(), { pull: 'true' })
    expect(step.log.match(/^Trying to pull /gm)).toHaveLength(2)
  })
})

describe('isolation', () => {
  const looking = [
    'RUN readlink /proc/self/ns/net > /net && readlink /proc/self/ns/pid > /pid',
    'RUN df -k /dev/shm | tail -n 1 > /shm && tail -n +3 /proc/net/dev | cut -d : -f 1 > /interfaces',
  ]

  test('rootless, by an OCI runtime: processes of its own; the network is the host’s where that is asked for', async () => {
    const { image, step } = await built(looking, { isolation: 'rootless', network: 'host', 'shm-size': '12m' })
    expect(step.log).toMatch(/; storage driver \w+, isolation rootless with \/\S+\/(runc|crun), network host$/m)
    expect(contentOf(image, 'net').toString()).toBe(ownNamespace('net'))
    expect(contentOf(image, 'pid').toString()).not.toBe(ownNamespace('pid'))
    expect(contentOf(image, 'shm').toString()).toMatch(/\s12288\s/)
  })

  testUnless(rootReason)('crun, without being asked, on a machine like a hosted runner', async () => {
    const { image, step } = await built(looking, {}, likeHostedRunner)
    expect(step.log).toMatch(/; storage driver overlay, isolation rootless with \S+\/crun$/m)
    expect(contentOf(image, 'net').toString()).not.toBe(ownNamespace('net'))
    expect(contentOf(image, 'pid').toString()).not.toBe(ownNamespace('pid'))
  })

  test('network: none, which is why an OCI runtime is taken', async () => {
    const { image, step } = await built(looking, { network: 'none' })
    expect(step.log).toMatch(/, isolation rootless with \S+, network none$/m)
    expect(contentOf(image, 'net').toString()).not.toBe(ownNamespace('net'))
    expect(contentOf(image, 'interfaces').toString().trim()).toBe('lo')
  })

  exhaustively(test)('chroot: the network and the processes of the host', async () => {
    const { image, step } = await built(looking.slice(0, 1), { isolation: 'chroot' })
    expect(step.log).toMatch(/, isolation chroot$/m)
    expect(contentOf(image, 'net').toString()).toBe(ownNamespace('net'))
    expect(contentOf(image, 'pid').toString()).toBe(ownNamespace('pid'))
  })

  test('chroot and network: none can’t be had together, which is said before the build', async () => {
    const inputs = { isolation: 'chroot', network: 'none' }
    const { error, log } = await fail({ workspace: { Dockerfile: `FROM ${busybox}\n` }, inputs })
    expect(error).toContain(`"network: none" can't be honoured with "isolation: chroot"`)
    expect(log).not.toContain('::group::Build')
  })
})

const noFuseOverlayfs =
  spawnSync('fuse-overlayfs', ['--version']).error === undefined ? undefined : 'fuse-overlayfs is not here'

describe('storage drivers', () => {
  const lines = ['RUN mkdir /d && echo one > /d/one && chown 1234 /d/one', 'RUN rm /d/one && echo two > /d/two']

  exhaustively(test)('vfs', async () => {
    const { image, step } = await built(lines, { 'storage-driver': 'vfs' })
    expect(step.log).toContain('; storage driver vfs, ')
    expect(step.log).toContain(' --storage-driver vfs ')
    expect(contentOf(image, 'd/two').toString()).toBe('two\n')
  })

  // GitHub's images have none.
  testUnless(rootReason ?? noFuseOverlayfs)('fuse-overlayfs', async () => {
    const { image, step } = await built(lines, { 'storage-driver': 'fuse-overlayfs' }, likeHostedRunner)
    expect(step.log).toContain('; storage driver fuse-overlayfs, ')
    expect(contentOf(image, 'd/two').toString()).toBe('two\n')
  })
})

/** `pid:[4026531836]` and a newline: the namespace that the tests, and so the machine's programs, are in. */
function ownNamespace(kind: 'net' | 'pid'): string {
  return `${readlinkSync(`/proc/self/ns/${kind}`)}\n`
}
