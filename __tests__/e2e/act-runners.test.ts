import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest } from '@jest/globals'

import {
  type ActJob,
  type ActMachine,
  checkOut,
  checkOutExample,
  findAct,
  makeActMachine,
  runAct,
} from '../harness/act.js'
import { busyboxImage } from '../harness/base-image.js'
import { makeWorkspace } from '../harness/folders.js'
import { indexOfPlatforms, ownArchitecture, readIndex } from '../harness/platform-images.js'
import { pretendTwoRunners } from '../harness/pretend-arm64.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import { repository } from '../harness/runner-files.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(240_000)

const act = findAct()
const noAct = 'missing' in act ? act.missing : undefined
const withAct = testUnless(noAct ?? (ownArchitecture() === 'amd64' ? undefined : 'this machine is itself one of arm64'))

const { registry } = await useRegistry()

async function newMachine(): Promise<ActMachine> {
  if ('missing' in act) throw new Error(act.missing)
  return await makeActMachine(act.program, [registry.host], registry.host)
}

/** Runs the workflows of a checkout on two runners. */
async function onTwoRunners(machine: ActMachine, checkout: string, payload?: object) {
  const labels = ['ubuntu-24.04', 'ubuntu-24.04-arm'].flatMap((label) => ['--platform', `${label}=-self-hosted`])
  return await runAct(machine, {
    checkout,
    args: [...labels, '--env', `NODE_OPTIONS=${pretendTwoRunners()}`],
    ...(payload && { payload }),
    vars: { REGISTRY: registry.host },
    secrets: { GITHUB_TOKEN: 'token-of-the-job' },
  })
}

describe('by act, on two runners of different platforms', () => {
  withAct('native-runners: each builds its own platform, and the last one tags both', async () => {
    await indexOfPlatforms(await busyboxImage(registry.host, 'library/busybox:own'), '1.37', ['linux/arm64'])
    const machine = await newMachine()
    const checkout = await checkOutExample(machine, 'native-runners')
    // The second runner only says that it is of another platform, and runs no program of it.
    const dockerfile = join(checkout, 'Dockerfile')
    writeFileSync(dockerfile, readFileSync(dockerfile, 'utf8').replace(/^RUN .*\n/m, ''))

    const { exitCode, jobs, log } = await onTwoRunners(machine, checkout)
    if (exitCode !== 0) throw new Error(`act ended with ${exitCode}; the log:\n${log}`)
    const legs = [...jobs.values()]
    expect(legs.map(({ result }) => result)).toStrictEqual(['success', 'success'])
    const builds = legs.map(({ main }) => /^Distribute: this runner builds (\S+);/m.exec(main)?.[1])
    expect(builds.sort()).toStrictEqual(['linux/amd64', 'linux/arm64'])
    const index = (await getManifest(`${registry.host}/acme/native-runners:latest`)).bytes
    expect(readIndex(index).manifests.map(({ platform }) => platform.architecture)).toStrictEqual(['amd64', 'arm64'])
    const joined = legs.filter(({ outputs }) => outputs['joined'] === 'true')
    expect(new Set(joined.map(({ outputs }) => outputs['digest']))).toStrictEqual(new Set([digestOf(index)]))
  })

  /** A repository whose workflow calls the reusable one, with a test that its image must pass. */
  async function checkOutCaller(machine: ActMachine, name: string, test: string): Promise<string> {
    const call = {
      permissions: { contents: 'read', packages: 'write' },
      uses: './.github/workflows/build-image.yml',
      with: {
        images: `\${{ vars.REGISTRY }}/acme/${name}`,
        registry: '${{ vars.REGISTRY }}',
        platforms: 'linux/amd64,linux/arm64',
        tags: 'latest',
        test,
      },
      secrets: { 'registry-password': '${{ secrets.GITHUB_TOKEN }}' },
    }
    const called = readFileSync(join(repository, '.github/workflows/build-image.yml'), 'utf8')
    const files = makeWorkspace({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY busybox /busybox\nCOPY $TARGETARCH /which\n',
      busybox: { content: readFileSync('/bin/busybox'), mode: 0o755 },
      amd64: 'for amd64\n',
      arm64: 'for arm64\n',
      '.github/workflows/image.yml': JSON.stringify({ name: 'Image', on: 'push', jobs: { image: call } }),
      // act doesn't know this form of the name.
      '.github/workflows/build-image.yml': called.replace(
        /- name: Build\n +id: build\n( +)uses: \$\/\S+/,
        '- id: build\n$1uses: OWNER/rootless-image-build@v1',
      ),
    })
    return await checkOut(machine, name, files)
  }
  const payload = { repository: { default_branch: 'main' } }
  /** Those of the matrix, by what the plan has named them. */
  const legsOf = (jobs: ReadonlyMap<string, ActJob>) =>
    [...jobs].filter(([name]) => name.includes('(ubuntu-24.04')).map(([, job]) => job)

  withAct(
    'the reusable workflow: each platform is tested on the runner that the map has for it, then tagged',
    async () => {
      const machine = await newMachine()
      const checkout = await checkOutCaller(machine, 'called', '/busybox grep for /which')
      const { exitCode, jobs, log } = await onTwoRunners(machine, checkout, payload)
      if (exitCode !== 0) throw new Error(`act ended with ${exitCode}; the log:\n${log}`)
      const said = legsOf(jobs).map(({ main }) => /^linux\/\w+: for (\S+)$/m.exec(main)?.[1])
      expect(said.sort()).toStrictEqual(['amd64', 'arm64'])
      const index = (await getManifest(`${registry.host}/acme/called:latest`)).bytes
      expect(readIndex(index).manifests.map(({ platform }) => platform.architecture)).toStrictEqual(['amd64', 'arm64'])
      const collected = [...jobs.values()].flatMap(({ outputs }) => outputs['digests'] ?? [])
      expect(collected).toStrictEqual([JSON.stringify({ called: digestOf(index) })])
    },
  )

  exhaustively(withAct)('the reusable workflow: where the test of one platform fails, nothing is tagged', async () => {
    const machine = await newMachine()
    const checkout = await checkOutCaller(machine, 'failing', '/busybox grep amd64 /which')
    const { exitCode, jobs, log } = await onTwoRunners(machine, checkout, payload)
    expect(exitCode).not.toBe(0)
    expect(log).toContain('linux/arm64: Input \\"test\\": `/busybox grep amd64 /which` failed; nothing was pushed.')
    const pushed = legsOf(jobs).filter(({ main }) => /^linux\/amd64: Pushed \S+@sha256:/m.test(main))
    expect(pushed.map(({ outputs }) => outputs['joined'])).toStrictEqual(['false'])
    await expect(getManifest(`${registry.host}/acme/failing:latest`)).rejects.toThrow('404')
  })
})
