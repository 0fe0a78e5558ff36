import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import type { EngineRequest } from '../../../src/engine/engines.js'
import { UserError } from '../../../src/errors.js'
import { CommandError } from '../../../src/exec.js'
import { run } from '../../../src/pipeline/run.js'
import type { Result } from '../../../src/pipeline/result.js'
import type { Context } from '../../../src/runner/context.js'
import type { State } from '../../../src/runner/state.js'
import { type FakeCacheOptions, fakeCaches, type FakeMemory } from '../cache/fake-cache.js'
import { type FakeEngineOptions, fakeEngines } from '../engine/fake-engine.js'
import { contextOf, eventOf, inputsOf, logOf, refused, temporaryFolder } from '../helpers.js'
import { fakeRegistries, type FakeRegistries } from '../registry/fake-registries.js'
import { servicesOf } from './services.js'

/** A repository whose runs share a machine, a cache and its registries. */
interface World {
  readonly workspace: string
  readonly temp: string
  readonly memory: FakeMemory
  readonly registries: FakeRegistries
  /** What engines were looked for with. */
  readonly requests: EngineRequest[]
}

interface Faults {
  readonly engine?: Omit<FakeEngineOptions, 'events' | 'registries'>
  readonly cache?: Omit<FakeCacheOptions, 'events' | 'memory'> | undefined
  readonly context?: Partial<Context>
}

/** What came of a run. */
interface Outcome {
  /** What was asked of engine and cache, in order. */
  readonly events: readonly string[]
  readonly result: Result | undefined
  readonly error: Error | undefined
  readonly log: string
  /** What `post` gets, call by call. */
  readonly states: readonly Partial<State>[]
}

const uid = process.getuid?.() ?? 0
const usual = { images: 'h.example/acme/web', tags: '1', push: 'true' }

let world: World
beforeEach(() => {
  const workspace = temporaryFolder()
  mkdirSync(join(workspace, 'temp'))
  writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\nENV A=1\n')
  world = { workspace, temp: join(workspace, 'temp'), memory: { runs: [] }, registries: fakeRegistries(), requests: [] }
})

async function step(values: Readonly<Record<string, string>> = {}, faults: Faults = {}): Promise<Outcome> {
  const events: string[] = []
  const states: Partial<State>[] = []
  const { workspace, temp, memory, registries, requests } = world
  const services = servicesOf({
    engines: fakeEngines({ ...faults.engine, events, registries, requests }),
    caches: fakeCaches({ ...faults.cache, events, memory }),
    registries: registries.client,
    remember: (state) => states.push(state),
  })
  let [result, error]: [Result | undefined, Error | undefined] = [undefined, undefined]
  const log = await logOf(async () => {
    const context = contextOf({ workspace, temp, uid, gid: process.getgid?.() ?? 0, ...faults.context })
    await run(inputsOf({ ...usual, ...values }), context, services).then(
      (made) => (result = made),
      (thrown: unknown) => (error = thrown as Error),
    )
  })
  return { events, result, error, log, states }
}

const fail = (error: Error) => () => Promise.reject(error)
const made = ['restore', 'build', 'push h.example/acme/web:1', 'save', 'keep']

describe('a first run', () => {
  it('asks the cache first, then for an engine, and saves last', async () => {
    const { events, result, error } = await step()
    expect(error).toBeUndefined()
    expect(events).toStrictEqual(['open', 'find', ...made, 'close', 'close cache'])
    expect(result).toMatchObject({ built: true, pushed: [{ reference: { tag: '1' } }], cache: { hit: 'none' } })
    expect(world.registries.tags()).toStrictEqual(['h.example/acme/web:1'])
  })

  it('logs in and tries the login before it builds', async () => {
    const { events } = await step({ username: 'ada', password: 'pass-1a2b' })
    expect(events.slice(2, 5)).toStrictEqual(['restore', 'login h.example ada', 'build'])
    expect(world.registries.asked[0]).toBe('try h.example/acme/web:1')
  })

  it('hands the image out when it is pushed', async () => {
    const { events } = await step({ load: 'true', outputs: 'type=oci,dest=image.tar' })
    expect(events.slice(-4)).toStrictEqual(['output oci', 'load', 'close', 'close cache'])
  })

  it('has the engine ready beside a cache that writes layers, and no other', async () => {
    expect((await step({}, { context: { cacheService: 'v2' } })).events).toContain('prewarm')
    expect((await step()).events).not.toContain('prewarm')
  })

  it('has the engine set up while layers come back', async () => {
    let configure = (): void => undefined
    const configured = new Promise<void>((resolve) => (configure = resolve))
    const restore = () => configured.then(() => ({}))
    const { error } = await step({}, { engine: { configure }, cache: { restore }, context: { cacheService: 'v2' } })
    expect(error).toBeUndefined()
  })

  it('says where it has no cache, so that no miss is shown', async () => {
    expect((await step({ cache: 'off' })).result?.cache).toMatchObject({ hit: 'none', isOff: true })
    expect((await step()).result?.cache).not.toHaveProperty('isOff')
  })

  it('times every stage by the clock', async () => {
    const { result, log } = await step()
    for (const title of ['Setup: 1.0 s', 'Build: 1.0 s', 'Push: 1.0 s']) expect(log.split('\n')).toContain(title)
    expect(result?.phases.map(({ name }) => name)).toStrictEqual([
      'setup',
      'preflight',
      'restore',
      'build',
      'push',
      'save',
    ])
    expect(result?.phases.every(({ seconds }) => seconds === 1)).toBe(true)
  })
})

describe('a build argument with a typing error', () => {
  const told = async (values: Readonly<Record<string, string>>) => {
    writeFileSync(join(world.workspace, 'Dockerfile'), 'FROM scratch\nARG VERSION=0\nENV A=1\n')
    const { log } = await step(values)
    return /^::warning.*build argument.*$/m.exec(log)?.[0]
  }

  it('is a warning at the ARG that is meant, with what to write', async () => {
    expect(await told({ 'build-args': 'VERSON=1.2' })).toBe(
      '::warning title=Build argument,file=Dockerfile,line=2::No ARG takes the build argument "VERSON". Did you mean "VERSION", in line 2 of the Dockerfile? Write `VERSION=1.2` in "build-args".',
    )
    expect(await told({ 'build-args': '"VERSON=two words"' })).toContain('Write `VERSION=…` in')
  })

  it('is none where it is right, or nobody wants to know', async () => {
    expect(await told({ 'build-args': 'VERSION=1' })).toBeUndefined()
    expect(await told({ 'build-args': 'VERSON=1', checks: 'off' })).toBeUndefined()
  })
})

describe('a run that nothing has changed for', () => {
  it('builds nothing, and asks only where the image is', async () => {
    await step()
    const { events, result, log } = await step()
    expect(events).toStrictEqual(['open', 'find', 'close cache'])
    expect(result).toMatchObject({ built: false, cache: { hit: 'full' } })
    expect(log).toContain('Unchanged: reusing the image')
  })

  it('doesn’t find out how it would build here', async () => {
    await step()
    const { error, result } = await step({}, { engine: { ready: fail(new Error('nothing can build here')) } })
    expect(error).toBeUndefined()
    expect(result?.built).toBe(false)
  })

  it('compares once more with the engine that builds in place of the one that was found', async () => {
    const facts = { name: 'docker', label: 'Docker 28.2.2', version: '28.2.2' } as const
    const engine = { ready: () => Promise.resolve(facts) }
    expect((await step({}, { engine })).result).toMatchObject({ built: true })
    expect((await step({}, { engine })).result).toMatchObject({ built: false, engine: facts })
    expect((await step()).result).toMatchObject({ built: true, engine: { name: 'buildah' } })
  })

  it('gives the image the tags that are missing', async () => {
    await step()
    const { result } = await step({ tags: '1\n2' })
    expect(result?.built).toBe(false)
    expect(world.registries.tags()).toStrictEqual(['h.example/acme/web:1', 'h.example/acme/web:2'])
  })

  it.each<[string, Record<string, string>, Faults]>([
    ['`unchanged: build`', { unchanged: 'build' }, {}],
    ['no cache', { cache: 'off' }, {}],
    ['`no-cache`', { 'no-cache': 'true' }, {}],
    ['`pull`', { pull: 'true' }, {}],
    ['the image wanted here', { load: 'true' }, {}],
    ['another build argument', { 'build-args': 'A=2' }, {}],
    ['no push', { push: 'false' }, {}],
  ])('builds all the same with %s', async (_, values, faults) => {
    await step()
    const { events, result } = await step(values, faults)
    expect(result?.built).toBe(true)
    expect(events.some((event) => event.startsWith('build'))).toBe(true)
  })

  it('builds all the same where the Dockerfile has changed', async () => {
    await step()
    writeFileSync(join(world.workspace, 'Dockerfile'), 'FROM scratch\nENV A=2\n')
    expect((await step()).result?.built).toBe(true)
  })

  it('builds all the same what can only be told by building, and says which line', async () => {
    writeFileSync(join(world.workspace, 'Dockerfile'), 'FROM scratch\nADD https://h.example/x /x\n')
    await step()
    const { result, log } = await step()
    expect(result?.built).toBe(true)
    expect(log).toContain('Unchanged: not checked; line 2: what ADD downloads, since it has no --checksum,')
  })

  it('builds all the same where the registry doesn’t answer, and fails only by the push', async () => {
    await step()
    world.registries.refuse(refused())
    const { result, log } = await step()
    expect(result?.built).toBe(true)
    expect(log).toContain("but its image can't be reused: The registry refuses.")
  })

  it('remembers nothing of a build that failed', async () => {
    await step({}, { engine: { build: fail(new Error('broken')) } })
    expect(world.memory.record).toBeUndefined()
    expect((await step()).result?.built).toBe(true)
  })
})

describe('a run whose event says that its code may be anybody’s', () => {
  const on = (name: string, fork: boolean): Faults => ({
    context: { cacheService: 'v2', event: eventOf({ name, fork }) },
  })
  const ordinary = on('push', false)

  it('looks into the cache and leaves nothing in it, for a fork', async () => {
    await step({}, ordinary)
    const before = { ...world.memory, runs: [...world.memory.runs] }
    expect(before).toMatchObject({ record: expect.any(String), runs: [{}] })
    const { events, result, log } = await step({ 'build-args': 'A=2' }, on('pull_request', true))
    expect(events).toContain('restore')
    expect(result?.built).toBe(true)
    expect(log).toMatch(/^The cache is not written: the pull request comes from a fork/m)
    expect(world.memory).toStrictEqual(before)
    expect((await step({}, ordinary)).result?.built).toBe(false)
  })

  it.each(['pull_request_target', 'workflow_run'])('has no cache, for %s', async (name) => {
    await step({}, ordinary)
    const { result, log } = await step({}, on(name, false))
    expect(result).toMatchObject({ built: true, cache: { hit: 'none' } })
    expect(log).toMatch(new RegExp(`^The cache is not used: this is a ${name} run; it has the permissions of`, 'm'))
  })
})

describe('a run that pushes nothing', () => {
  it('says what the image would be called, and leaves the registry alone', async () => {
    const { events, result } = await step({ push: 'false' })
    expect(events).toStrictEqual(['open', 'find', 'restore', 'build', 'save', 'keep', 'close', 'close cache'])
    expect(result).toMatchObject({ pushed: [], metadata: { tagNames: ['1'] } })
    expect(world.registries.tags()).toStrictEqual([])
  })
})

describe('a secret that is empty', () => {
  it('is one warning', async () => {
    const { error, log } = await step({ secrets: 'token=' })
    expect(error).toBeUndefined()
    expect(log).toContain('::warning::secrets: "token" is empty and is left out.')
  })
})

describe('a push that fails', () => {
  const isSecond = (tag: string | undefined) => (tag === '2' ? Promise.reject(refused()) : Promise.resolve())
  const engine: Faults['engine'] = { push: ({ tag }) => isSecond(tag) }

  it('leaves the other references pushed, keeps the steps, and fails the step', async () => {
    const { error, events } = await step({ tags: '1\n2\n3' }, { engine })
    expect(error?.message).toMatch(/^Not pushed: h\.example\/acme\/web:2\. Pushed: .*web:1, .*web:3\./)
    expect(world.registries.tags()).toStrictEqual(['h.example/acme/web:1', 'h.example/acme/web:3'])
    expect(events.slice(-3)).toStrictEqual(['keep failed', 'close', 'close cache'])
  })

  it('is no build that a later run may take', async () => {
    await step({ tags: '1\n2' }, { engine })
    expect((await step({ tags: '1\n2' })).result?.built).toBe(true)
  })

  it('neither loads the image nor writes files', async () => {
    const { events } = await step({ tags: '2', load: 'true' }, { engine })
    expect(events).not.toContain('load')
  })
})

describe('a build that fails', () => {
  const broken = new Error('RUN make failed')

  it('keeps the steps that were finished, pushes nothing, and lets go of everything', async () => {
    const { error, events } = await step({}, { engine: { build: fail(broken) } })
    expect(error).toBe(broken)
    expect(events).toStrictEqual(['open', 'find', 'restore', 'build', 'keep failed', 'close', 'close cache'])
  })

  it('is made once more without what came back, where that may be the cause', async () => {
    await step({ unchanged: 'build' })
    let count = 0
    const died = new UserError('The build failed.', 'See the log.', {
      cause: new CommandError(['buildah'], 125, 'Error: layer not known'),
    })
    const build = () => ((count += 1) === 1 ? Promise.reject(died) : Promise.resolve())
    const { error, events, log } = await step({ unchanged: 'build' }, { engine: { build } })
    expect(error).toBeUndefined()
    expect(events.slice(2)).toStrictEqual(['restore', 'build', 'clear', ...made.slice(1), 'close', 'close cache'])
    expect(log).toContain('::warning::Cache: the build failed with the restored layers')
  })

  it('is made once more without the cache, where a step stands on a base image that has changed', async () => {
    const faults = { engine: { hits: true }, cache: { changedBaseImages: ['docker.io/library/debian:12'] } }
    const { events, result } = await step({}, faults)
    expect(events.slice(3, 5)).toStrictEqual(['build', 'build without cache'])
    expect(result?.built).toBe(true)
  })
})

describe('trouble with the cache', () => {
  it.each<[string, Faults['cache'], string]>([
    ['comes too late', { restore: () => Promise.resolve({ failures: ['it took too long'] }) }, 'it took too long'],
    ['takes nothing', { keep: () => Promise.resolve({ failures: ['the disk is full'] }) }, 'the disk is full'],
  ])('is one warning where it %s', async (_, cache, text) => {
    const { error, log, result } = await step({}, { cache })
    expect(error).toBeUndefined()
    expect(result?.pushed).toHaveLength(1)
    expect(log.match(/::warning::/g)).toHaveLength(1)
    expect(log).toContain(`::warning::Cache: ${text}`)
  })

  it('is one warning where the engine gives no steps out', async () => {
    const { error, log } = await step({}, { engine: { saveSteps: fail(new Error('no steps')) } })
    expect(error).toBeUndefined()
    expect(log).toContain('::warning::Cache: could not save the steps of this build. no steps')
  })
})

describe('an engine that isn’t there', () => {
  it('is the error of the step, and nothing was built or kept', async () => {
    const { error, events } = await step({}, { engine: { find: fail(new Error('no engine')) } })
    expect(error?.message).toBe('no engine')
    expect(events).toStrictEqual(['open', 'find', 'close cache'])
  })

  it('gets no login of the step’s own registry by the files of earlier ones', async () => {
    const home = join(world.workspace, 'home')
    mkdirSync(join(home, '.docker'), { recursive: true })
    const auths = { 'h.example': { auth: 'YTpi' }, 'other.example': { auth: 'Yzpk' } }
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }))
    await step({ username: 'ada', password: 'pass-1a2b' }, { context: { home } })
    expect(Object.keys(world.requests[0]?.logins.auths ?? {})).toStrictEqual(['other.example'])
  })
})

describe('a login that is refused', () => {
  it('is told before anything is built', async () => {
    const faults = { engine: { login: fail(refused()) } }
    const { error, events } = await step({ username: 'ada', password: 'pass-1a2b' }, faults)
    expect(error?.message).toBe('The registry refuses.')
    expect(events.slice(2)).toStrictEqual(['restore', 'login h.example ada', 'close', 'close cache'])
  })
})

describe('what post gets', () => {
  it('is the work directory first, then how to remove it, and what is left to save', async () => {
    const later = '/staging/later.json'
    const { states } = await step(
      {},
      { cache: { keep: () => Promise.resolve({ later }) }, context: { ephemeral: true } },
    )
    expect(states).toStrictEqual([
      { folder: expect.stringContaining(world.temp), unshare: [] },
      { stagingDirs: [expect.stringContaining(world.temp)] },
      // Root needs no user namespace to remove what it has made.
      { unshare: uid === 0 ? [] : ['/usr/bin/buildah', 'unshare'], keepStorage: true },
      { later: [later] },
    ])
  })

  it('is what a failed build has left to save, too', async () => {
    const faults = {
      engine: { build: fail(new Error('broken')) },
      cache: { keep: () => Promise.resolve({ later: '/l' }) },
    }
    expect((await step({}, faults)).states.at(-1)).toStrictEqual({ later: ['/l'] })
  })

  it.each([
    ['went well', undefined],
    ['failed', new Error('broken')],
  ])('holds no secret and no login when the step %s', async (_, error) => {
    const left = () =>
      ['secrets/token', 'auth/auth.json'].map((name) => join(world.requests[0]?.folder.path ?? '', name))
    const build = async () => {
      for (const path of left()) writeFileSync(path, 'pass-1a2b')
      if (error !== undefined) await Promise.reject(error)
    }
    const outcome = await step({}, { engine: { build } })
    expect(outcome.error).toBe(error)
    expect(existsSync(world.requests[0]?.folder.path ?? '')).toBe(true)
    expect(left().filter(existsSync)).toStrictEqual([])
  })
})

describe('a dry run', () => {
  it('looks for an engine, shows its command, and does nothing else', async () => {
    const { events, result, log, states } = await step({ 'dry-run': 'true' })
    expect(events).toStrictEqual(['find', 'close'])
    expect(result).toMatchObject({ built: false, imageId: '', pushed: [] })
    expect(log).toContain('Dry run: nothing is built or pushed.')
    expect(log).toContain(`fake build --file ${join(world.workspace, 'Dockerfile')}`)
    expect(states.some((state) => 'later' in state || 'stagingDirs' in state)).toBe(false)
  })
})
