import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import type { BuildRequest } from '../../../../src/engine/engine.js'
import { describe as describeError, UserError } from '../../../../src/errors.js'
import { formatPlatform, nativePlatform, parsePlatforms } from '../../../../src/lib/platform.js'
import { outputsOf } from '../../../../src/pipeline/outputs.js'
import { schedule } from '../../../../src/pipeline/platforms/platform-schedule.js'
import type { Result } from '../../../../src/pipeline/result.js'
import { run } from '../../../../src/pipeline/run.js'
import { summaryOf } from '../../../../src/pipeline/summary.js'
import { fakeCaches } from '../../cache/fake-cache.js'
import { type FakeEngineOptions, fakeEngines } from '../../engine/fake-engine.js'
import { contextOf, inputsOf, logOf, temporaryFolder } from '../../helpers.js'
import { fakeRegistries, type FakeRegistries } from '../../registry/fake-registries.js'
import { servicesOf } from '../services.js'

const native = formatPlatform(nativePlatform())
const [one, other] = ['linux/s390x', 'linux/riscv64']
const usual = { images: 'h.example/acme/web', tags: '1\n2', push: 'true', platforms: `${one},${native},${other}` }

let workspace: string
let registries: FakeRegistries
beforeEach(() => {
  workspace = temporaryFolder()
  mkdirSync(join(workspace, 'temp'))
  writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\nARG TARGETARCH\nENV A=1\n')
  registries = fakeRegistries()
})

/** What came of a run. */
interface Outcome {
  readonly events: readonly string[]
  readonly result: Result | undefined
  readonly error: Error | undefined
  readonly log: string
}

async function step(values: Readonly<Record<string, string>> = {}, engine: FakeEngineOptions = {}): Promise<Outcome> {
  const events: string[] = []
  let [result, error]: [Result | undefined, Error | undefined] = [undefined, undefined]
  const log = await logOf(async () => {
    const context = contextOf({ workspace, temp: join(workspace, 'temp'), uid: process.getuid?.() ?? 0 })
    const services = servicesOf({
      engines: fakeEngines({ ...engine, events, registries }),
      caches: fakeCaches({ events }),
      registries: registries.client,
    })
    await run(inputsOf({ ...usual, ...values }), context, services).then(
      (made) => (result = made),
      (thrown: unknown) => (error = thrown as Error),
    )
  })
  return { events, result, error, log }
}

describe('several platforms', () => {
  it('are built each, pushed without a tag, and one index of them is put under every tag', async () => {
    const { events, result, error, log } = await step()
    expect(error).toBeUndefined()
    const count = (event: string) => events.filter((found) => found === event).length
    expect(count('find')).toBe(1)
    expect(count('build')).toBe(3)
    expect(count('push h.example/acme/web by digest')).toBe(3)
    expect(registries.tags()).toStrictEqual(['h.example/acme/web:1', 'h.example/acme/web:2'])
    const digests = new Set(result?.pushed.map(({ digest }) => digest))
    expect(digests.size).toBe(1)
    expect(Object.keys(result?.platformDigests ?? {})).toStrictEqual([one, native, other])
    expect(log).toMatch(new RegExp(`^${one}: Pushed h\\.example/acme/web@sha256:`, 'm'))
    const [put] = registries.asked.filter((question) => question.startsWith('put '))
    expect(registries.asked.indexOf(put ?? '')).toBeGreaterThan(registries.asked.findLastIndex((q) => /^look/.test(q)))
  })

  it('have outputs of the index, and of each of them', async () => {
    const { result } = await step()
    if (result === undefined) throw new Error('it failed')
    const outputs = outputsOf(result)
    expect(outputs).toMatchObject({ imageid: '', built: true, 'cache-hit': 'none' })
    expect(outputs.metadata['containerimage.descriptor']).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: outputs.digest,
    })
    expect(result.phases.filter(({ name }) => name === 'build').map(({ platform }) => platform)).toHaveLength(3)
  })

  it('leave every tag alone where one of them fails, and the error names it', async () => {
    const build: FakeEngineOptions['build'] = ({ inputs }) =>
      formatPlatform(inputs.platforms[0] ?? nativePlatform()) === other
        ? Promise.reject(new UserError('Dockerfile line 3: no.', 'Mend it.', { place: { file: '/d', line: 3 } }))
        : Promise.resolve()
    const { error, events } = await step({}, { build })
    expect(describeError(error)).toBe(`${other}: Dockerfile line 3: no.\nMend it.`)
    expect((error as UserError).place).toStrictEqual({ file: '/d', line: 3 })
    expect(registries.tags()).toStrictEqual([])
    // What the others have built is kept.
    expect(events.filter((event) => event === 'keep')).toHaveLength(2)
    expect(events).toContain('keep failed')
  })

  it('are not pushed where nothing is', async () => {
    const { result, events } = await step({ push: 'false' })
    expect(events.filter((event) => event.startsWith('push'))).toStrictEqual([])
    expect(result).toMatchObject({ pushed: [], platformDigests: {} })
  })

  it('are loaded as far as they are the runner’s own', async () => {
    const { events, log } = await step({ load: 'true' })
    expect(events.filter((event) => event === 'load')).toHaveLength(1)
    expect(log).toContain(`Load: takes the image for ${native}, the platform of this runner`)
  })

  it.each([
    [{ load: 'true', platforms: `${one},${other}` }, /Input "load": got true, but "platforms" doesn't have/],
    [{ outputs: 'type=docker,dest=a.tar' }, /Input "outputs": type=docker,dest=a\.tar is an archive for one platform/],
    [{ annotations: 'index[x]:a=b' }, /Input "annotations": in the line .*"index\[x\]" is not a place/],
  ])('are refused with %j', async (values, message) => {
    const { error, events } = await step(values)
    expect(error?.message).toMatch(message)
    expect(events).toStrictEqual([])
  })

  it('have their own annotations also where other runners build the others', async () => {
    const requests: BuildRequest[] = []
    const build = (request: BuildRequest) => Promise.resolve(void requests.push(request))
    const annotations = `a=1\nindex:b=2\nmanifest[${native}]:c=3\nmanifest[${one}]:d=4`
    const { error } = await step({ distribute: 'true', push: 'false', annotations }, { build })
    expect(error).toBeUndefined()
    const [only, ...others] = requests.map((request) => request.annotations)
    expect(only?.filter(({ name }) => name.length === 1)).toStrictEqual([
      { name: 'a', value: '1' },
      { name: 'c', value: '3' },
    ])
    expect(others).toStrictEqual([])
  })

  it('show their commands in a dry run', async () => {
    const { log, events } = await step({ 'dry-run': 'true' })
    expect(events).not.toContain('build')
    for (const name of [one, native, other]) expect(log).toMatch(new RegExp(`^${name}: Cache key: .*${name}`, 'm'))
  })
})

describe('stages that do not depend on the platform', () => {
  const shared = 'FROM --platform=$BUILDPLATFORM a AS x\nRUN make\nFROM scratch\nARG TARGETARCH\nCOPY --from=x /a /a\n'
  const requests: BuildRequest[] = []
  const takesStages = {
    takesStages: true,
    build: (request: BuildRequest) => Promise.resolve(void requests.push(request)),
  }
  beforeEach(() => {
    requests.length = 0
    writeFileSync(join(workspace, 'Dockerfile'), shared)
  })

  it('are built once, for the machine, and handed to each build', async () => {
    const { error, log, result, events } = await step({}, takesStages)
    expect(error).toBeUndefined()
    const [stage, ...images] = requests
    expect(stage).toMatchObject({ source: { target: 'x' }, references: [], labels: [], inputs: { push: false } })
    expect(stage?.inputs.platforms).toStrictEqual([])
    expect(images).toHaveLength(3)
    for (const { built } of images) expect(built?.images).toMatchObject([{ stage: 0, calledAs: ['x'] }])
    expect(log).toContain('Stages: stage x is built once')
    expect(result?.stages).toMatchObject({ label: 'stage x' })
    expect(summaryOf(result as Result, { tests: [] }, [])).toContain('| `stage x` |')
    // They stay until the last image is there.
    expect(events.findLastIndex((event) => event.startsWith('push'))).toBeLessThan(events.lastIndexOf('keep'))
    expect(events.filter((event) => event === 'keep')).toHaveLength(4)
  })

  it.each<[why: string, values: Record<string, string>, engine: FakeEngineOptions]>([
    ['the engine can’t', {}, { takesStages: false }],
    ['there is one platform', { platforms: native }, {}],
    ['further arguments may do anything', { 'extra-args': '--memory=1g' }, {}],
    ['something in them depends on it', { 'build-args': 'BUILDPLATFORM=a' }, {}],
  ])('are built with each where %s', async (_, values, engine) => {
    const { error, result } = await step(values, { ...takesStages, ...engine })
    expect(error).toBeUndefined()
    expect(requests.map(({ built }) => built).filter((built) => built !== undefined)).toStrictEqual([])
    expect(result?.stages).toBeUndefined()
  })

  it('are built with each where a base image adds instructions', async () => {
    const { error, log } = await step({}, { ...takesStages, onbuild: true })
    expect(error).toBeUndefined()
    expect(requests).toHaveLength(4)
    expect(requests.every(({ built }) => built === undefined)).toBe(true)
    expect(log).toContain('Stages: built for each platform after all')
  })

  it('fail once for all, and what is built of them is kept', async () => {
    const build = ({ source }: BuildRequest) =>
      source.target === 'x' ? Promise.reject(new UserError('Dockerfile line 2: no.', 'Mend it.')) : Promise.resolve()
    const { error, events } = await step({}, { ...takesStages, build })
    expect(describeError(error)).toBe('stage x: Dockerfile line 2: no.\nMend it.')
    expect(registries.tags()).toStrictEqual([])
    expect(events.filter((event) => event === 'build')).toHaveLength(1)
    expect(events).toContain('keep failed')
  })
})

describe('schedule', () => {
  const names = ({ platforms, atOnce }: ReturnType<typeof schedule>[number]) => [atOnce, platforms.map(formatPlatform)]

  it('begins with the machine’s own, two at a time, and does emulated ones alone', () => {
    const platforms = parsePlatforms([`${one},${other},${native},linux/ppc64le`])
    const groups = schedule(platforms, ({ architecture }) => architecture === 's390x' || architecture === 'ppc64le')
    expect(groups.map(names)).toStrictEqual([
      [2, [native, other]],
      [1, [one, 'linux/ppc64le']],
    ])
  })
})
