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
import { accountFor } from '../harness/account.js'
import { busyboxImage } from '../harness/base-image.js'
import { type Docker, dockerReason, startDocker } from '../harness/docker.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { findNode } from '../harness/nodes.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { testUnless } from '../harness/skipping.js'

jest.setTimeout(300_000)

const act = findAct()
const node = findNode(24)
const reason = [act, node].find((found) => 'missing' in found)?.missing ?? dockerReason
const image = 'act-job:1'

let registry: Registry
let docker: Docker | undefined
let machine: ActMachine
let checkout: string

// Nothing of it is done where every test is skipped.
beforeAll(async () => {
  if ('missing' in act || 'missing' in node) return
  registry = await startRegistry()
  await busyboxImage(registry.host, 'library/busybox:1.37')
  const archive = await actJobImage(registry.host, node.program)
  docker = await startDocker(accountFor('user'))
  await docker.load(archive, image)
  machine = await makeActMachine(act.program, [registry.host], registry.host)
  checkout = await checkOutExample(machine, 'one-image')
})

afterAll(async () => {
  await docker?.stop()
  await registry.stop()
  await removeFolders()
})

// What docs/engines.md says.
const allowed = ['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined']

/** The example in a container of act's, by a user without rights, who may use Docker. */
async function runInContainer(options: readonly string[], args: readonly string[] = []): Promise<ActRun> {
  if (docker === undefined) throw new Error('Docker was not started')
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
})
