import { existsSync } from 'node:fs'

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import { actJobImage } from '../harness/act-job-image.js'
import { busyboxImage } from '../harness/base-image.js'
import { fail, succeed } from '../harness/clean-step.js'
import { type Container, containerTemp, startContainer } from '../harness/container.js'
import { daemonReason } from '../harness/docker-daemon.js'
import { removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { findNode } from '../harness/nodes.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively, isExhaustive } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { warnings } from '../harness/warm-steps.js'

jest.setTimeout(300_000)

const node = findNode(24)
const reason = 'missing' in node ? node.missing : daemonReason()
const docker = await useDocker(reason)
// On another driver's disk overlay might be mounted.
const driver = reason === undefined ? (await docker.run('info', '--format', '{{.Driver}}')).trim() : ''
const noOverlay =
  reason ?? (driver === 'overlay2' ? undefined : `Docker keeps its containers by ${driver}, not by overlay2`)

/** A job image takes minutes to make; in the ordinary set the machine lends its programs to an image without any. */
const image = isExhaustive ? 'act-job:1' : 'busybox:1'
const nodeInside = isExhaustive ? '/usr/local/bin/node' : '/opt/node'
const programs = isExhaustive
  ? []
  : [
      ...['/usr', '/bin', '/lib', '/lib64'].filter((folder) => existsSync(folder)),
      ...('missing' in node ? [] : [`${node.program}:${nodeInside}`]),
    ].flatMap((place) => ['--volume', `${place.includes(':') ? place : `${place}:${place}`}:ro`])
let registry: Registry
let base = ''

// Nothing of it is done where every test is skipped.
beforeAll(async () => {
  if ('missing' in node) return
  registry = await startRegistry()
  base = await busyboxImage(registry.host)
  const source = isExhaustive ? `docker-archive:${await actJobImage(registry.host, node.program)}` : `docker://${base}`
  await docker.load(source, image)
})

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

// What docs/runners.md says.
const allowed = ['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined']

/** Does something in a container; it is gone afterwards, and nothing of the build is left on its disk. */
async function inContainer<T>(options: readonly string[], act: (container: Container) => Promise<T>): Promise<T> {
  const container = await startContainer(docker, image, [...programs, ...options])
  try {
    const result = await act(container)
    expect(await container.run('ls', '-A', containerTemp)).toBe('')
    return result
  } finally {
    await container.remove()
  }
}

function step(as: 'root' | 'user', name: string, { within }: Container, env: StepOptions['env'] = {}): StepOptions {
  return {
    ...{ as, within, node: nodeInside },
    workspace: { Dockerfile: `FROM ${base}\nCOPY one /srv/one\nRUN cat /srv/one /srv/one > /srv/two\n`, one: 'text' },
    inputs: { images: `${registry.host}/acme/${name}`, push: 'true', 'tls-verify': 'false', cache: 'off' },
    env: { ...env, CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) },
  }
}

const fuse = ['--device', '/dev/fuse']

const accounts = [
  ['runAsUser, as pods have it', 'user', 'as runner (who runs the step)'],
  ['root, as `container:` has it', 'root', 'as rootless-build (the step runs as root'],
] as const

describe.each(accounts)('in a container, by %s', (_, as, says) => {
  const testRefused = as === 'root' ? testUnless(reason) : exhaustively(testUnless(reason))

  testRefused("with Docker's own filter it is refused before the build", async () => {
    const { error, log } = await inContainer([], (container) => fail(step(as, 'refused', container)))
    expect(error).toMatch(/^Neither Buildah nor Docker can build here\.\n/)
    expect(error).toContain("A rootless build can't work here: a seccomp filter, as in containers")
    expect(error).toContain(`container:\n  options: ${allowed.join(' ')}`)
    expect(log).not.toContain('STEP 1')
  })

  for (const [what, options, temp, wanted] of [
    ["on the container's own disk, without /dev/fuse: vfs, with a warning", [], containerTemp, 'vfs'],
    ["on the container's own disk, with /dev/fuse: fuse-overlayfs", fuse, containerTemp, 'fuse-overlayfs'],
    // Where the harness puts it.
    ['on a disk of the machine: overlay', [], undefined, 'overlay'],
  ] as const) {
    exhaustively(testUnless(noOverlay))(`without the filter, ${what}`, async () => {
      const name = `${wanted}-${as}`
      const result = await inContainer([...allowed, ...options], (container) =>
        succeed(step(as, name, container, temp === undefined ? {} : { RUNNER_TEMP: temp })),
      )
      const engine = /^Engine: Buildah .*$/m.exec(result.log)?.[0] ?? ''
      expect(engine).toContain(says)
      expect(engine).toContain(`driver ${wanted},`)
      expect(warnings(result)).toStrictEqual(
        wanted === 'vfs'
          ? [expect.stringMatching(/^::warning::Neither overlay nor fuse-overlayfs can be mounted/)]
          : [],
      )
      const pulled = await pullImage(`${registry.host}/acme/${name}:latest`)
      expect(contentOf(pulled, 'srv/two').toString()).toBe('texttext')
      expect(result.outputs).toMatchObject({
        ...{ engine: 'buildah', rootless: 'true', digest: pulled.digest, imageid: pulled.manifest.config.digest },
        tags: `${registry.host}/acme/${name}:latest`,
      })
    })
  }
})

exhaustively(testUnless(reason))('a pod that may not gain privileges is told what it lacks', async () => {
  const options = [...allowed, '--security-opt', 'no-new-privileges']
  const { error } = await inContainer(options, (container) => fail(step('user', 'closed', container)))
  expect(error).toContain('the process may not gain privileges (no_new_privs)')
  expect(error).toContain('`allowPrivilegeEscalation: true` in Kubernetes')
})
