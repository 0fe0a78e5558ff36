import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

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
import { type DockerPlace, dockerReason, startDocker } from '../harness/docker-daemon.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { findNode } from '../harness/nodes.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { repository } from '../harness/runner-files.js'
import { testUnless } from '../harness/skipping.js'
import { describeExhaustively } from '../harness/test-set.js'

jest.setTimeout(300_000)

/** What the documents tell those to add whose act runs jobs in containers. */
const allowed = ['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined']

test('the documents name the options that the tests give to act', () => {
  const folder = join(repository, 'docs')
  const pages = readdirSync(folder).filter((name) => name.endsWith('.md'))
  const texts = pages.map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(texts.join('\n')).toContain(`\nact --container-options "${allowed.join(' ')}"\n`)
})

describeExhaustively("by act, in a job container of Docker's", () => {
  const act = findAct()
  const node = findNode(24)
  const reason = [act, node].find((found) => 'missing' in found)?.missing ?? dockerReason()
  const withDocker = testUnless(reason)
  const image = 'act-job:1'
  let docker: DockerPlace
  let registry: Registry
  let machine: ActMachine
  let checkout: string

  beforeAll(async () => {
    if ('missing' in act || 'missing' in node || reason !== undefined) return
    docker = await startDocker()
    await docker.startBuildkit()
    registry = await startRegistry()
    await busyboxImage(registry.host, 'library/busybox:1.37')
    const archive = await actJobImage(registry.host, node.program)
    await docker.load(`docker-archive:${archive}`, image)
    machine = await makeActMachine(act.program, [registry.host], registry.host)
    checkout = await checkOutExample(machine, 'one-image')
  })

  afterAll(async () => {
    if (reason !== undefined) return
    await docker.stop()
    await registry.stop()
    await removeFolders()
  })

  /** The example in a container of act's, by a user without rights, who may use Docker. */
  async function runInContainer(
    options: readonly string[],
    { args = [], withoutSocket = false }: { args?: readonly string[]; withoutSocket?: boolean } = {},
  ): Promise<ActRun> {
    const conf = ['--volume', `${machine.registriesConf}:/etc/containers/registries.conf:ro`]
    return await runAct(machine, {
      checkout,
      vars: { REGISTRY: registry.host },
      secrets: { GITHUB_TOKEN: 'a registry without a login takes any' },
      container: { docker: docker.host, image, options: [...conf, ...options], withoutSocket },
      args: ['--rm', ...args],
    })
  }

  for (const { args, says, lies } of [
    { args: [], says: "Cache: act's cache server (the runner offers it), read and written", lies: 'with act' },
    {
      args: ['--no-cache-server'],
      says: 'Cache: the folder "/opt/hostedtoolcache/rootless-image-build/cache" (the runner offers no GitHub cache service), read and written',
      lies: "in act's volume for tools",
    },
  ]) {
    withDocker(`without the filter, Buildah: cold, then warm, with the cache ${lies}`, async () => {
      const cold = jobOf(await runInContainer(allowed, { args }), 'success')
      expect((await pullImage(`${registry.host}/acme/one-image:latest`)).digest).toBe(cold.outputs['digest'])
      const warm = jobOf(await runInContainer(allowed, { args }), 'success')
      for (const job of [cold, warm]) {
        expectByAct(job)
        expect(job.main).toContain(says)
        // The steps of a container are root's.
        expect(job.main).toContain(', as rootless-build (the step runs as root')
        expect(job.outputs).toMatchObject({ engine: 'buildah', rootless: 'true' })
      }
      expect(cold.outputs['cache-hit']).toBe('none')
      expect(warm.outputs).toMatchObject({ 'cache-hit': 'full', digest: cold.outputs['digest'] })
    })
  }

  // Docker's client and Buildx are in act's own images.
  const client = () => [
    ...['--volume', '/usr/bin/docker:/usr/bin/docker:ro'],
    ...['--volume', `${docker.plugin}:/usr/libexec/docker/cli-plugins/docker-buildx:ro`],
  ]

  withDocker('with what act has by default, Docker: cold, then warm, and one warning says why', async () => {
    // The base image of the example comes from Docker Hub, which is not to be had.
    await docker.load(`docker://${registry.host}/library/busybox:1.37`, 'busybox:1.37')
    const cold = jobOf(await runInContainer(client()), 'success')
    const pushed = await pullImage(`${registry.host}/acme/one-image:latest`)
    const warm = jobOf(await runInContainer(client()), 'success')
    for (const job of [cold, warm]) {
      expectByAct(job)
      expect(job.warnings).toStrictEqual([expect.stringMatching(/^Falling back to Docker: Buildah can't run here/)])
      expect(job.warnings[0]).toContain('a seccomp filter, as in containers')
      expect(job.main).toContain("Cache: act's cache server (the runner offers it), read and written")
      expect(job.outputs).toMatchObject({
        ...{ engine: 'docker', rootless: 'false', 'engine-version': expect.stringMatching(/^\d+\.\d/) },
        ...{ digest: pushed.digest, imageid: pushed.manifest.config.digest },
        tags: `${registry.host}/acme/one-image:latest`,
      })
      expect(job.summary).toContain('**Built by:** Docker ')
    }
    expect([cold.outputs['cache-hit'], warm.outputs['cache-hit']]).toStrictEqual(['none', 'full'])
  })

  withDocker('with neither that client nor the socket, it is refused, with both reasons and cures', async () => {
    const run = await runInContainer([], { withoutSocket: true })
    jobOf(run, 'failure')
    expect(run.log).toContain('Neither Buildah nor Docker can build here.')
    expect(run.log).toContain("A rootless build can't work here: a seccomp filter, as in containers")
    expect(run.log).toContain(`act --container-options \\"${allowed.join(' ')}\\"`)
    expect(run.log).toContain('The program docker is not on PATH.')
    expect(run.log).not.toContain('STEP 1')
  })

  withDocker('with that client alone, what is missing is the socket', async () => {
    const run = await runInContainer(client(), { withoutSocket: true })
    jobOf(run, 'failure')
    expect(run.log).toContain('Cannot connect to the Docker daemon at /var/run/docker.sock')
    expect(run.log).toContain('volumes: [/var/run/docker.sock:/var/run/docker.sock]')
  })
})

function jobOf({ exitCode, jobs, log }: ActRun, wanted: 'success' | 'failure'): ActJob {
  const job = jobs.get('Image/image')
  if (job?.result !== wanted)
    throw new Error(`act ended with ${exitCode}, the job with ${job?.result}; the log:\n${log}`)
  return job
}

/** What each job of act says and leaves, whoever builds. */
function expectByAct({ main, outputs, summary, post }: ActJob): void {
  expect(main.match(/^.*nektos\/act.*$/gm)).toStrictEqual([
    expect.stringMatching(/^Running under nektos\/act, with Node\.js v24\./),
  ])
  expect(summary).toContain(outputs['digest'])
  expect(post).toMatch(/^Removed \/\S+\/rootless-image-build-\w+$/m)
}
