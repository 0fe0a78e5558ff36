import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import {
  type ActJob,
  type ActMachine,
  type ActRun,
  checkOutExample,
  findAct,
  makeActMachine,
  runAct,
} from '../harness/act.js'
import { actJobImage } from '../harness/act-job-image.js'
import { busyboxImage } from '../harness/base-image.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { findNode } from '../harness/nodes.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'

jest.setTimeout(300_000)

const act = findAct()
const node = findNode(24)
const reason = [act, node].find((found) => 'missing' in found)?.missing ?? dockerReason('classic')
const image = 'act-job:1'

const docker = await useDocker()
let registry: Registry
let machine: ActMachine
let checkout: string

// Nothing of it is done where every test is skipped.
beforeAll(async () => {
  if ('missing' in act || 'missing' in node) return
  registry = await startRegistry()
  await busyboxImage(registry.host, 'library/busybox:1.37')
  const archive = await actJobImage(registry.host, node.program)
  await docker.load(`docker-archive:${archive}`, image)
  machine = await makeActMachine(act.program, [registry.host], registry.host)
  checkout = await checkOutExample(machine, 'one-image')
})

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

// What docs/engines.md says.
const allowed = ['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined']

/** The example in a container of act's, by a user without rights, who may use Docker. */
async function runInContainer(options: readonly string[], args: readonly string[] = []): Promise<ActRun> {
  const conf = ['--volume', `${machine.registriesConf}:/etc/containers/registries.conf:ro`]
  return await runAct(machine, {
    checkout,
    vars: { REGISTRY: registry.host },
    secrets: { GITHUB_TOKEN: 'a registry without a login takes any' },
    container: { docker: docker.host, image, options: [...conf, ...options] },
    args: ['--rm', ...args],
  })
}

function jobOf({ exitCode, jobs, log }: ActRun, wanted: 'success' | 'failure'): ActJob {
  const job = jobs.get('Image/image')
  if (job?.result !== wanted)
    throw new Error(`act ended with ${exitCode}, the job with ${job?.result}; the log:\n${log}`)
  return job
}

describe("by act, in a job container of Docker's", () => {
  const withDocker = testUnless(reason)

  for (const { args, says, lies } of [
    { args: [], says: "Cache: act's cache server (the runner offers it), read and written", lies: 'with act' },
    {
      args: ['--no-cache-server'],
      says: 'Cache: the folder "/opt/hostedtoolcache/rootless-image-build/cache" (the runner offers no GitHub cache service), read and written',
      lies: "in act's volume for tools",
    },
  ]) {
    withDocker(`cold, then warm, with the cache ${lies}`, async () => {
      const cold = jobOf(await runInContainer(allowed, args), 'success')
      expect((await pullImage(`${registry.host}/acme/one-image:latest`)).digest).toBe(cold.outputs['digest'])
      const warm = jobOf(await runInContainer(allowed, args), 'success')
      for (const { main, outputs, summary, post } of [cold, warm]) {
        expect(main.match(/^.*nektos\/act.*$/gm)).toStrictEqual([
          expect.stringMatching(/^Run by nektos\/act, with the Node on its PATH, v24\./),
        ])
        expect(main).toContain(says)
        // The steps of a container are root's.
        expect(main).toContain(', as rootless-build (the step runs as root')
        expect(outputs['rootless']).toBe('true')
        expect(summary).toContain(outputs['digest'])
        expect(post).toMatch(/^Removed \/\S+\/rootless-image-build-\w+$/m)
      }
      expect(cold.outputs['cache-hit']).toBe('none')
      expect(warm.outputs).toMatchObject({ 'cache-hit': 'full', digest: cold.outputs['digest'] })
    })
  }

  withDocker('with the options that act has by default, it is refused, with those that cure it', async () => {
    const run = await runInContainer([])
    jobOf(run, 'failure')
    expect(run.log).toContain("A rootless build can't work here: a seccomp filter, as containers have it")
    expect(run.log).toContain(`act --container-options \\"${allowed.join(' ')}\\"`)
  })

  withDocker(
    "with those, and with Docker's client and socket in it, Docker builds, and one warning says why",
    async () => {
      // The base image of the example comes from Docker Hub, which is not to be had.
      await docker.load(`docker://${registry.host}/library/busybox:1.37`, 'busybox:1.37')
      const mounts = [
        '/usr/bin/docker:/usr/bin/docker:ro',
        `${docker.host.slice('unix://'.length)}:/var/run/docker.sock`,
      ]
      const run = await runInContainer(mounts.flatMap((mount) => ['--volume', mount]))
      const job = jobOf(run, 'success')
      expect(job.outputs).toMatchObject({ engine: 'docker', rootless: 'false' })
      expect(run.log).toContain("Docker builds this image, since Buildah can't here")
      expect((await pullImage(`${registry.host}/acme/one-image:latest`)).digest).toBe(job.outputs['digest'])
    },
  )
})
