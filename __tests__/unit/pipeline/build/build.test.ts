import { describe, expect, it } from '@jest/globals'
import { pushAll } from '../../../../src/pipeline/push/push.js'
import { buildAndSave } from '../../../../src/pipeline/build/build.js'
import { EMPTY_CACHE, emptyStorage, type Run } from '../../../../src/cache/cache.js'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { BuildRequest, Engine } from '../../../../src/engine/engine.js'
import type { Step } from '../../../../src/engine/progress.js'
import { parseReference } from '../../../../src/metadata/reference.js'
import { startRun } from '../../../../src/pipeline/run-record.js'
import type { State } from '../../../../src/runner/state.js'
import type { RestoredCache } from '../../../../src/pipeline/cache/restore-cache.js'
import { UserError } from '../../../../src/errors.js'
import { CommandError } from '../../../../src/exec.js'
import { WrongArchitectureError } from '../../../../src/pipeline/build/image-architecture.js'
import { inputsOf, logOf } from '../../helpers.js'
import { planOf, servicesOf } from '../services.js'

const step = { stage: 0, stages: 1, of: 2, text: 'RUN make', seconds: 1 }
const hit: Step = { ...step, index: 1, image: 'ab'.repeat(32), hit: true }
const ran: Step = { ...hit, hit: false }

interface World {
  readonly steps?: readonly Step[]
  /** Base images that have changed in what Buildah doesn't compare. */
  readonly renewed?: readonly string[]
  readonly inputs?: Readonly<Record<string, string>>
  /** Why the engine refuses what it is asked. */
  readonly build?: Error
  readonly test?: Error
  readonly push?: Error
  readonly saveSteps?: Error
  /** How many builds have programs of another processor in their image. */
  readonly wrong?: number
  /** Parts that came back, and can be taken away; without them the engine refuses nothing any more. */
  readonly parts?: number
  /** Whether something packs meanwhile. */
  readonly packs?: boolean
}

/** What `buildAndKeep` does with an engine and a cache that only write down what they are asked. */
async function watched({ steps = [ran], renewed = [], inputs = {}, wrong = 0, parts, packs, ...refusals }: World) {
  const events: string[] = []
  const requests: BuildRequest[] = []
  const pushes: string[] = []
  const runs: Run[] = []
  const remembered: Partial<State>[] = []
  const orThrow = (error: Error | undefined) => (error === undefined ? Promise.resolve() : Promise.reject(error))
  const reference = parseReference('a.example/web:1')
  const engine: Engine = {
    ...{ name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true, storageConf: '' },
    login: () => Promise.resolve(),
    preview: () => '',
    pushByDigest: () => Promise.reject(new Error('nothing is pushed by digest')),
    writeOutputs: () => Promise.resolve(),
    load: () => Promise.resolve(),
    imageNames: () => Promise.resolve(new Set()),
    evidence: undefined,
    close: () => Promise.resolve(),
    saveSteps: () => orThrow(refusals.saveSteps),
    async build(request) {
      requests.push(request)
      request.onStepEnd?.()
      request.onSteps(steps)
      if (!events.includes('clears')) await orThrow(refusals.build)
      return { id: `sha256:${'cd'.repeat(32)}`, format: 'oci', references: [reference] }
    },
    test: (_, { tests }) => {
      events.push(...tests.map(({ text }) => `tests ${text}`))
      return orThrow(refusals.test)
    },
    async push(_, pushed) {
      events.push('pushes')
      await orThrow(refusals.push)
      pushes.push(pushed.repository)
      return { reference: pushed, digest: `sha256:${'ef'.repeat(32)}` }
    },
  }
  const empty = emptyStorage('/root')
  const clear = () => {
    events.push('clears')
    return Promise.resolve()
  }
  const ahead = {
    look: () => Promise.resolve(void events.push('packs')),
    stop: () => void events.push('packs no more'),
    async finish() {
      events.push('sends')
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
      events.push('sent')
    },
  }
  const warm = {
    ...empty,
    ...(parts !== undefined && { clear, restored: { ...empty.restored, parts } }),
    changedBaseImages: () => Promise.resolve(renewed),
    ...(packs === true && { ahead }),
    save: (run: Run) => {
      events.push('keeps')
      runs.push(run)
      return emptyStorage('/root').save(run)
    },
  }
  const access = { read: true, write: true }
  const opened: RestoredCache = {
    ...{ cache: EMPTY_CACHE, plan: planOf({}), stagingDir: undefined },
    ...{ warm, keys: [], access },
  }
  const source = {
    context: '/c',
    file: '/c/Dockerfile',
    dockerfile: parseDockerfile('FROM x\nRUN make'),
    target: undefined,
  }
  const review = async (some: readonly Step[]) => {
    await new Promise(setImmediate)
    events.push(`reviews ${some.length}`)
    if (requests.length <= wrong) throw new WrongArchitectureError('The Dockerfile makes a wrong image')
  }
  const check = async (some: readonly Step[]) => {
    events.push(`checks ${some.length}`)
    // Whoever doesn't wait comes before.
    await new Promise(setImmediate)
    events.push('checked')
    return 'it is so'
  }
  const asked: Omit<BuildRequest, 'onSteps' | 'images'> = {
    ...{ inputs: inputsOf(inputs), source, format: 'oci', references: [reference], labels: [], annotations: [] },
    ...{ cache: access },
  }
  const base = { name: 'x', platform: undefined }
  // What was cleared is missing.
  const missing = () => Promise.resolve(events.includes('clears') ? [base] : [])
  let error: unknown
  const log = await logOf(async () => {
    const services = servicesOf({ remember: (state) => remembered.push(state) })
    await buildAndSave(engine, { ...asked, review, check, missing }, opened, {
      ...startRun({ clock: Date.now }),
      services,
      prepare: (by, image) => Promise.resolve(() => pushAll(by, image)),
      async remember(built, saved) {
        await saved
        expect(built.fault).toBe('it is so')
        events.push('remembers')
      },
    }).then(
      ({ fault }) => {
        expect(fault).toBe('it is so')
      },
      (thrown: unknown) => {
        error = thrown
      },
    )
  })
  return { requests, pushes, runs, remembered, error, log, events }
}

describe('a base image with the layers that it had, and another configuration', () => {
  const renewed = ['docker.io/library/debian:12']

  it('has all built anew, where a step of the old one was taken', async () => {
    const { requests, log } = await watched({ steps: [hit], renewed })
    expect(requests.map(({ inputs }) => inputs.noCache)).toStrictEqual([false, true])
    expect(log).toContain('Cache: base image docker.io/library/debian:12 changed (same layers, new configuration)')
  })

  it('is nothing where no step was taken', async () => {
    expect((await watched({ steps: [ran], renewed })).requests).toHaveLength(1)
  })

  it('is the exception', async () => {
    expect((await watched({ steps: [hit] })).requests).toHaveLength(1)
  })
})

describe('what packs while it builds', () => {
  it('is told of each step, and to stop before the push', async () => {
    const { events } = await watched({ packs: true, inputs: { push: 'true' } })
    expect(events.filter((event) => /^(packs|pushes|keeps)/.test(event))).toStrictEqual([
      ...['packs', 'packs no more', 'pushes', 'keeps'],
    ])
  })

  it('sends what is left beside the push, before anything is kept', async () => {
    const { events } = await watched({ packs: true, inputs: { push: 'true' } })
    expect(events.indexOf('sends')).toBeGreaterThan(events.indexOf('reviews 1'))
    expect(events.indexOf('keeps')).toBeGreaterThan(events.indexOf('sent'))
  })

  it('has sent it before anything is kept also where the push fails', async () => {
    const { events } = await watched({ packs: true, inputs: { push: 'true' }, push: new Error('broken') })
    expect(events.indexOf('sent')).toBeGreaterThan(events.indexOf('pushes'))
    expect(events.indexOf('keeps')).toBeGreaterThan(events.indexOf('sent'))
  })

  it('sends nothing beside where nothing is pushed', async () => {
    expect((await watched({ packs: true })).events).not.toContain('sends')
  })
})

describe('what came back from earlier runs', () => {
  const full = new CommandError(['buildah', 'build'], 125, 'Error: writing blob: no space left on device\n')
  const unknown = new CommandError(['buildah', 'build'], 125, 'Error: layer not known\n')
  const failed = (cause: Error) => new UserError('The build failed.', 'See the log.', { cause })

  it.each([
    ['the disk is full of it', 1, full],
    ['it may be wrong', 1, unknown],
    ['it may be wrong in its place', 0, unknown],
  ])('is taken away, and the build goes on without, where %s', async (_, parts, cause) => {
    const { requests, error, log } = await watched({ build: failed(cause), parts })
    expect(error).toBeUndefined()
    expect(requests).toHaveLength(2)
    expect(log).toMatch(/^::warning::Cache: the build failed with the restored layers; rebuilding without the cache/m)
  })

  it.each([
    ['takes no room of its own', 0, full],
    ['has nothing to do with it', 1, new CommandError(['buildah'], 1, 'building at STEP "RUN x": exit status 1')],
  ])('stays where it %s', async (_, parts, cause) => {
    const { error, events } = await watched({ build: failed(cause), parts })
    expect(error).toBeInstanceOf(UserError)
    expect(events).not.toContain('clears')
  })
})

describe('what is pushed', () => {
  it.each([
    ['true', ['acme']],
    ['false', []],
  ])('with push: %s', async (push, expected) => {
    const { pushes, runs } = await watched({ inputs: { push } })
    expect(pushes).toHaveLength(expected.length)
    expect(runs.map(({ failed, pushed }) => [failed, pushed !== undefined])).toStrictEqual([[false, push === 'true']])
  })
})

describe('what steps have made', () => {
  it('is reviewed before the push, checked beside it, and before anything of it is kept', async () => {
    const { events } = await watched({ inputs: { push: 'true' } })
    expect(events).toStrictEqual(['reviews 1', 'checks 1', 'pushes', 'checked', 'keeps', 'remembers'])
  })

  it('is checked to its end also where the push fails', async () => {
    const { events } = await watched({ inputs: { push: 'true' }, push: new Error('broken') })
    expect(events.slice(0, 3)).toStrictEqual(['reviews 1', 'checks 1', 'pushes'])
    expect(events.indexOf('keeps')).toBeGreaterThan(events.indexOf('checked'))
  })
})

describe('an image with programs of another processor', () => {
  it('is not pushed', async () => {
    const { pushes, error } = await watched({ inputs: { push: 'true' }, wrong: 1 })
    expect(error).toBeInstanceOf(WrongArchitectureError)
    expect(pushes).toStrictEqual([])
  })

  it('is built once more without what came from the cache, which may be why', async () => {
    const world = { inputs: { push: 'true' }, parts: 1 }
    const once = await watched({ ...world, wrong: 1 })
    expect(once.error).toBeUndefined()
    expect(once.events.slice(0, 5)).toStrictEqual(['reviews 1', 'clears', 'reviews 1', 'checks 1', 'pushes'])
    expect(once.requests.map(({ images }) => images.length)).toStrictEqual([0, 1])
    const always = await watched({ ...world, wrong: 2 })
    expect(always.error).toBeInstanceOf(WrongArchitectureError)
    expect(always.pushes).toStrictEqual([])
  })
})

describe('a test', () => {
  const inputs = { push: 'true', test: 'web --version\nweb --check' }

  it('has its commands run on what was built, before anything is pushed', async () => {
    const { events, log } = await watched({ inputs })
    const tests = ['tests web --version', 'tests web --check']
    expect(events.filter((event) => !event.startsWith('check'))).toStrictEqual([
      'reviews 1',
      ...tests,
      'pushes',
      'keeps',
      'remembers',
    ])
    expect(log).toContain('Test: 2 commands passed')
  })

  it('that fails lets nothing be pushed, and keeps the steps', async () => {
    const { events, pushes, runs, error } = await watched({ inputs, test: new Error('broken') })
    expect(error).toMatchObject({ message: 'broken' })
    expect(pushes).toStrictEqual([])
    expect(events.at(-1)).toBe('keeps')
    expect(runs.map(({ failed }) => failed)).toStrictEqual([true])
  })

  it('there is none without the input', async () => {
    expect((await watched({ test: new Error('broken') })).error).toBeUndefined()
  })
})

describe('the steps that were finished are kept', () => {
  const broken = new Error('broken')

  it.each(['build', 'push'] as const)('when the %s fails, and the step fails', async (what) => {
    const { runs, remembered, error } = await watched({ inputs: { push: 'true' }, [what]: broken })
    expect(error).toBeInstanceOf(Error)
    expect(runs.map(({ failed, pushed }) => [failed, pushed])).toStrictEqual([[true, undefined]])
    expect(remembered).toStrictEqual([])
  })

  it('and where the engine gives none out, that is a warning', async () => {
    const { runs, error, log } = await watched({ saveSteps: broken })
    expect(error).toBeUndefined()
    expect(runs).toHaveLength(1)
    expect(log).toMatch(/^::warning::Cache: could not save the steps of this build\. broken$/m)
  })
})
