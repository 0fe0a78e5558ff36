import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

import { type ActJob, type ActMachine, checkOutExample, findAct, makeActMachine, runAct } from '../harness/act.js'
import { busyboxImage } from '../harness/base-image.js'
import { indexOfPlatforms, ownArchitecture, readIndex } from '../harness/platform-images.js'
import { run } from '../harness/command.js'
import { pullImage } from '../harness/images.js'
import { findNode, forEveryone } from '../harness/nodes.js'
import { type Login, type Registry, startRegistry } from '../harness/registry.js'
import { repository } from '../harness/runner-files.js'
import { testUnless } from '../harness/skipping.js'
import { describeExhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'
import { stepsOf } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

const act = findAct()
const withAct = testUnless('missing' in act ? act.missing : undefined)

const foreign = ownArchitecture() === 'arm64' ? 'linux/amd64' : 'linux/arm64'

const ada: Login = { username: 'ada', password: 'token-of-the-job' }
const bob: Login = { username: 'bob', password: 'token-of-the-mirror' }

const { registry: hub } = await useRegistry()
let registry: Registry
let mirror: Registry

beforeAll(async () => {
  // With another platform, as Docker Hub has it.
  const own = await busyboxImage(hub.host, 'library/busybox:own')
  await indexOfPlatforms(own, '1.37', [foreign])
  registry = await startRegistry({ login: ada })
  mirror = await startRegistry({ login: bob, name: 'localhost' })
})

afterAll(async () => {
  await registry.stop()
  await mirror.stop()
})

/** What the reader of an example sets up for it: a password, and a registry that isn't the one it has by default. */
const secrets = { GITHUB_TOKEN: ada.password, DOCKERHUB_TOKEN: bob.password }
const vars = (): Record<string, string> => ({
  REGISTRY: registry.host,
  MIRROR: mirror.host,
  DOCKERHUB_USERNAME: bob.username,
})

async function newMachine(): Promise<ActMachine> {
  if ('missing' in act) throw new Error(act.missing)
  return await makeActMachine(act.program, [registry.host, mirror.host], hub.host)
}

interface Turn {
  readonly checkout: string
  readonly event?: string
  readonly payload?: object
  readonly secrets?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly path?: string
}

/** Runs the workflows of a checkout, of which every job must succeed. */
async function succeed(machine: ActMachine, turn: Turn): Promise<ReadonlyMap<string, ActJob>> {
  const { exitCode, jobs, log } = await runAct(machine, { vars: vars(), secrets, ...turn })
  const results = [...jobs.values()].map(({ result }) => result)
  if (exitCode !== 0 || results.length === 0 || results.some((result) => result !== 'success')) {
    throw new Error(`act ended with ${exitCode}, its jobs with ${results.join(', ')}; the log:\n${log}`)
  }
  return jobs
}

/** Where a cache of the kind `directory` lies. */
const directoryOf = ({ toolCache }: ActMachine): string => join(toolCache, 'rootless-image-build/cache')

const SERVER = "Cache: act's cache server (the runner offers it), read and written"
const NO_SERVER = /^Cache: the folder ".+" \(the runner offers no GitHub cache service\), read and written$/m
const DIRECTORY = /^Cache: the folder ".+", read and written$/m

interface Example {
  readonly name: string
  /** The jobs, and what each pushes. */
  readonly jobs: Readonly<Record<string, readonly string[]>>
  /** Further options of act. */
  readonly args?: readonly string[]
  /** The line that says which cache it is. */
  readonly says: string | RegExp
  readonly lies: 'with act' | 'in a folder'
}

const examples: readonly Example[] = [
  { name: 'one-image', jobs: { 'Image/image': ['REGISTRY/acme/one-image:latest'] }, says: SERVER, lies: 'with act' },
  {
    name: 'monorepo',
    jobs: {
      'Images/api-1': ['REGISTRY/acme/monorepo/api:latest'],
      'Images/web-2': ['REGISTRY/acme/monorepo/web:latest'],
    },
    says: SERVER,
    lies: 'with act',
  },
  {
    name: 'several-registries',
    jobs: { 'Image/image': ['REGISTRY/acme/several-registries:main', 'MIRROR/acme/several-registries:main'] },
    says: SERVER,
    lies: 'with act',
  },
  {
    name: 'pull-request',
    jobs: { 'Image/image': ['REGISTRY/acme/pull-request:main'] },
    says: SERVER,
    lies: 'with act',
  },
  {
    name: 'self-hosted',
    jobs: { 'Image/image': ['REGISTRY/acme/self-hosted:latest'] },
    says: DIRECTORY,
    lies: 'in a folder',
  },
  {
    name: 'one-image',
    jobs: { 'Image/image': ['REGISTRY/acme/one-image:latest'] },
    args: ['--no-cache-server'],
    says: NO_SERVER,
    lies: 'in a folder',
  },
]

// In the ordinary set readme.test.ts has the quick start, which is `one-image`.
describeExhaustively('by act, in host mode, as a user without rights', () => {
  for (const { name, jobs, args = [], says, lies } of examples) {
    withAct(`${[name, ...args].join(' ')}: cold, then warm, with the cache ${lies}`, async () => {
      const machine = await newMachine()
      const checkout = await checkOutExample(machine, name)
      const cold = await succeed(machine, { checkout, args })
      const warm = await succeed(machine, { checkout, args })
      expect([...cold.keys()].sort()).toStrictEqual(Object.keys(jobs))
      expect([...warm.keys()].sort()).toStrictEqual(Object.keys(jobs))

      for (const [job, references] of Object.entries(jobs)) {
        const [before, after] = [jobOf(cold, job), jobOf(warm, job)]
        expect(before.outputs['cache-hit']).toBe('none')
        expect(after.outputs).toMatchObject({ 'cache-hit': 'full', digest: before.outputs['digest'] })
        for (const { main, outputs, summary, post } of [before, after]) {
          expect(main.match(/^.*nektos\/act.*$/gm)).toStrictEqual([
            `Running under nektos/act, with Node.js ${process.version} from its PATH`,
          ])
          expect(main).toMatch(says)
          expect(outputs).toMatchObject({ engine: 'buildah', rootless: 'true' })
          await expectPushed(references, outputs)
          expect(summary).toContain(outputs['digest'])
          expect(post).toMatch(/^Removed \/\S+\/rootless-image-build-\w+$/m)
        }
        const [made, found] = [stepsOf({ log: before.main }), stepsOf({ log: after.main })]
        expect(made).toStrictEqual({ hit: [], ran: expect.arrayContaining([expect.stringMatching(/^RUN /)]) })
        expect(found).toStrictEqual({ hit: made.ran, ran: [] })
        // By the server the layers travel; a folder is built in.
        const restored = JSON.parse(after.outputs['cache-stats'] ?? '') as Record<string, number>
        expect((restored['parts-restored'] ?? 0) > 0).toBe(lies === 'with act')
      }
      expect(existsSync(directoryOf(machine))).toBe(lies === 'in a folder')
      // All that act made for the jobs is gone again.
      expect(readdirSync(join(machine.toolCache, '..')).filter((entry) => /^[0-9a-f]{16}$/.test(entry))).toStrictEqual(
        [],
      )
    })
  }
})

describeExhaustively('by act, in host mode, as a user without rights', () => {
  const newest = findNode(24)
  testUnless([act, newest].find((found) => 'missing' in found)?.missing)(
    'whatever node is on PATH: what one has kept, another one finds',
    async () => {
      if ('missing' in newest) throw new Error(newest.missing)
      const machine = await newMachine()
      const checkout = await checkOutExample(machine, 'one-image')
      await succeed(machine, { checkout })
      const path = dirname(forEveryone(newest.program))
      const { main, outputs } = jobOf(await succeed(machine, { checkout, path }), 'Image/image')
      expect(main).toContain('Running under nektos/act, with Node.js v24.')
      expect(outputs['cache-hit']).toBe('full')
    },
  )

  withAct('multi-platform: both platforms are under one tag', async () => {
    const machine = await newMachine()
    const checkout = await checkOutExample(machine, 'multi-platform')
    const { outputs, summary } = jobOf(await succeed(machine, { checkout }), 'Image/image')
    const pushed = outputs['tags'] ?? ''
    const raw = await run('skopeo', [
      ...['inspect', '--raw', '--tls-verify=false', '--creds', `${ada.username}:${ada.password}`],
      `docker://${pushed}`,
    ])
    const platforms = readIndex(raw).manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`)
    expect(platforms).toStrictEqual(['linux/amd64', 'linux/arm64'])
    for (const platform of platforms) expect(summary).toContain(`| \`${platform}\` |`)
  })

  withAct('share-image: what one job builds, another one pushes, without building it again', async () => {
    const machine = await newMachine()
    const checkout = await checkOutExample(machine, 'share-image')
    const built = jobOf(await succeed(machine, { checkout }), 'Image/build')
    const { manifest } = await pullImage(`${registry.host}/acme/share-image:latest`, ada)
    expect(manifest.config.digest).toBe(built.outputs['imageid'])
  })

  withAct('a pull request from a fork, which has no secrets, is built of what main has and not pushed', async () => {
    const machine = await newMachine()
    const checkout = await checkOutExample(machine, 'pull-request')
    await succeed(machine, { checkout })
    const branch = (ref: string, owner: string): object => ({ ref, repo: { full_name: `${owner}/pull-request` } })
    const pull = { number: 7, head: branch('fix', 'eve'), base: branch('main', 'acme') }
    const turn = { event: 'pull_request', payload: { number: 7, pull_request: pull }, secrets: {} }
    const { main, outputs, post } = jobOf(await succeed(machine, { checkout, ...turn }), 'Image/image')
    expect(outputs).toMatchObject({ 'cache-hit': 'full', tags: `${registry.host}/acme/pull-request:pr-7` })
    expect(outputs['digest']).toBe('')
    expect(main).not.toContain('Logged in')
    expect(main).toContain('The cache is not written: the pull request comes from a fork')
    expect(post).toMatch(/^Removed /m)
    await expect(pullImage(`${registry.host}/acme/pull-request:pr-7`, ada)).rejects.toThrow('manifest unknown')
  })
})

test('every example that is made to be copied is run', () => {
  // `hello` has no workflow of its own: the demo and CI build it.
  const there = readdirSync(join(repository, 'examples')).filter((name) => name !== 'hello')
  // native-runners needs two of them: act-runners.test.ts
  const others = ['multi-platform', 'native-runners', 'share-image']
  expect([...new Set([...examples.map(({ name }) => name), ...others])].sort()).toStrictEqual(there.sort())
})

function jobOf(jobs: ReadonlyMap<string, ActJob>, name: string): ActJob {
  const job = jobs.get(name)
  if (job === undefined) throw new Error(`No job ${name}, but ${[...jobs.keys()].join(', ')}`)
  return job
}

/** The registries have what the outputs say. */
async function expectPushed(references: readonly string[], outputs: ActJob['outputs']): Promise<void> {
  for (const reference of references) {
    const [host, login] = reference.startsWith('MIRROR') ? [mirror.host, bob] : [registry.host, ada]
    const image = await pullImage(reference.replace(/^[A-Z]+/, host), login)
    expect(image.digest).toBe(outputs['digest'])
    expect(image.manifest.config.digest).toBe(outputs['imageid'])
    expect(outputs['tags']?.split('\n')).toContain(reference.replace(/^[A-Z]+/, host))
  }
}
