import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { Engine, Image, Pushed } from '../../../../src/engine/engine.js'
import type { Env } from '../../../../src/exec.js'
import { describe as describeError, UserError } from '../../../../src/errors.js'
import { formatReference, parseReference, type Reference } from '../../../../src/metadata/reference.js'
import { pushAll, pushAllByDigest } from '../../../../src/pipeline/push/push.js'
import { busy, refused, settled } from '../../helpers.js'

// Between tries are seconds; the clock of the tests doesn't wait for them.
beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** Stands for registries behind an engine: what each push of a reference comes to, in turn; its digest by default. */
function registries(outcomes: Readonly<Record<string, readonly Error[]>> = {}) {
  const events: string[] = []
  const tries = new Map<string, number>()
  const unused = () => Promise.reject(new Error('not used by a push'))
  const engine: Engine = {
    ...{ name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true, storageConf: '' },
    login: unused,
    build: unused,
    test: unused,
    preview: () => '',
    pushByDigest: unused,
    writeOutputs: unused,
    load: unused,
    imageNames: () => Promise.resolve(new Set()),
    evidence: undefined,
    saveSteps: unused,
    close: unused,
    async push(_: Image, reference: Reference): Promise<Pushed> {
      const name = formatReference(reference)
      const turn = tries.get(name) ?? 0
      tries.set(name, turn + 1)
      events.push(`> ${name}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
      events.push(`< ${name}`)
      const error = outcomes[name]?.[turn]
      if (error !== undefined) throw error
      return { reference, digest: digestOf(name) }
    },
  }
  return { engine, events, tries }
}

const digestOf = (name: string) => `sha256:${Buffer.from(name).toString('hex').slice(0, 64).padEnd(64, '0')}`
const imageOf = (...names: string[]): Image => ({
  id: `sha256:${'ab'.repeat(32)}`,
  format: 'oci',
  references: names.map(parseReference),
})

describe('pushAll', () => {
  it('pushes every reference and says where it is', async () => {
    const { engine } = registries()
    const image = imageOf('a.example/x:1', 'a.example/x:2')
    const { value, log } = await settled(() => pushAll(engine, image))
    expect(value).toStrictEqual(
      image.references.map((reference) => ({ reference, digest: digestOf(formatReference(reference)) })),
    )
    expect(log).toBe(
      `Pushed a.example/x:1@${digestOf('a.example/x:1')}\nPushed a.example/x:2@${digestOf('a.example/x:2')}\n`,
    )
  })

  it('has nothing to do without references', async () => {
    const { engine, events } = registries()
    expect((await settled(() => pushAll(engine, imageOf()))).value).toStrictEqual([])
    expect(events).toStrictEqual([])
  })

  it('pushes the first reference of a registry alone, then up to four at a time', async () => {
    const { engine, events } = registries()
    const names = [1, 2, 3, 4, 5, 6].map((tag) => `a.example/x:${tag}`)
    await settled(() => pushAll(engine, imageOf(...names)))
    const [first, ...others] = names
    const four = others.slice(0, 4)
    const last = others.slice(4)
    expect(events).toStrictEqual(
      [[first], four, last].flatMap((group) => [
        ...group.map((name) => `> ${name ?? ''}`),
        ...group.map((name) => `< ${name ?? ''}`),
      ]),
    )
  })

  it('pushes the first reference of every other repository next, which takes the layers over, and then the rest', async () => {
    const { engine, events } = registries()
    const names = ['a.example/x:1', 'a.example/x:2', 'a.example/y:1', 'a.example/y:2', 'a.example/z:1']
    const { value } = await settled(() => pushAll(engine, imageOf(...names)))
    expect(events.filter((event) => event.startsWith('>'))).toStrictEqual([
      '> a.example/x:1',
      '> a.example/y:1',
      '> a.example/z:1',
      '> a.example/x:2',
      '> a.example/y:2',
    ])
    expect(events.indexOf('< a.example/z:1')).toBeLessThan(events.indexOf('> a.example/x:2'))
    // Told in the order in which they were given.
    expect(value?.map(({ reference }) => formatReference(reference))).toStrictEqual(names)
  })

  it('takes registries side by side', async () => {
    const { engine, events } = registries()
    await settled(() => pushAll(engine, imageOf('a.example/x:1', 'a.example/x:2', 'b.example/x:1')))
    expect(events.slice(0, 2)).toStrictEqual(['> a.example/x:1', '> b.example/x:1'])
    expect(events.indexOf('> a.example/x:2')).toBeGreaterThan(events.indexOf('< a.example/x:1'))
    expect(events).toHaveLength(6)
  })

  it('tries all, in every registry, also when the first has failed, and names those that failed', async () => {
    const { engine, tries } = registries({ 'a.example/x:1': [refused()] })
    const names = ['a.example/x:1', 'a.example/x:2', 'b.example/x:1']
    const { error, log } = await settled(() => pushAll(engine, imageOf(...names)))
    expect([...tries]).toStrictEqual([
      ['a.example/x:1', 1],
      ['b.example/x:1', 1],
      ['a.example/x:2', 1],
    ])
    expect(error).toBeInstanceOf(UserError)
    expect(describeError(error)).toBe(
      'Not pushed: a.example/x:1. Pushed: a.example/x:2, b.example/x:1.\nThe registry refuses.\nAsk for rights.\nWhen that is fixed, run the job again: it pushes what is missing.',
    )
    expect(log).toContain('Pushed a.example/x:2@')
    expect(log).toContain('Pushed b.example/x:1@')
    expect(log).not.toContain('Pushed a.example/x:1')
  })

  it('gives up a registry that never takes it, after a time that goes by the size', async () => {
    const { engine } = registries()
    const waiting: Engine = { ...engine, push: () => new Promise(() => undefined) }
    const small = { ...imageOf('a.example/x:1', 'a.example/x:2'), size: { layers: 1, bytes: 60 * 2 ** 20 } }
    const { error } = await settled(() => pushAll(waiting, small))
    expect(describeError(error)).toContain('Not pushed: a.example/x:1, a.example/x:2. Nothing was pushed.')
    expect(describeError(error)).toContain('The push took longer than 11m, the limit for an image of this size.')
    const unknown = await settled(() => pushAll(waiting, imageOf('a.example/x:1')))
    expect(describeError(unknown.error)).toContain('The push took longer than 120m')
  })

  // The programs of other platforms are children of this process, too.
  it('ends what a push that takes too long has started, and nothing else', async () => {
    const { engine } = registries()
    const start = (env: Env) => spawn('sleep', ['600'], { env: { PATH: '/usr/bin:/bin', ...env }, stdio: 'ignore' })
    const other = start({})
    const started: ChildProcess[] = []
    const waiting: Engine = {
      ...engine,
      push: (_image, _reference, env = {}) => {
        started.push(start(env))
        return new Promise(() => undefined)
      },
    }
    await settled(() => pushAll(waiting, imageOf('a.example/x:1')))
    jest.useRealTimers()
    const [pushing] = started
    if (pushing === undefined) throw new Error('nothing was pushed')
    if (pushing.signalCode === null) await once(pushing, 'exit')
    expect(pushing.signalCode).toBe('SIGTERM')
    expect(other.signalCode).toBeNull()
    other.kill('SIGKILL')
  })

  it('says when nothing was pushed', async () => {
    const { engine } = registries({ 'a.example/x:1': [refused()], 'b.example/x:1': [new Error('broken')] })
    const { error } = await settled(() => pushAll(engine, imageOf('a.example/x:1', 'b.example/x:1')))
    expect(describeError(error)).toBe(
      'Not pushed: a.example/x:1, b.example/x:1. Nothing was pushed.\nThe registry refuses.\nAsk for rights.\nbroken\nWhen that is fixed, run the job again: it pushes what is missing.',
    )
  })

  it('says once what to do, where it is the same for all', async () => {
    const { engine } = registries({ 'a.example/x:1': [refused()], 'b.example/x:1': [refused()] })
    const { error } = await settled(() => pushAll(engine, imageOf('a.example/x:1', 'b.example/x:1')))
    expect(error).toMatchObject({
      message:
        'Not pushed: a.example/x:1, b.example/x:1. Nothing was pushed.\nThe registry refuses.\nThe registry refuses.',
      hint: 'Ask for rights.\nWhen that is fixed, run the job again: it pushes what is missing.',
      pushed: [],
    })
  })

  it('tries what is busy again, each reference for itself', async () => {
    const { engine, tries } = registries({
      'a.example/x:1': [busy(), busy()],
      'b.example/x:1': [busy(), busy(), busy(), busy()],
    })
    const { error, log } = await settled(() => pushAll(engine, imageOf('a.example/x:1', 'b.example/x:1')))
    expect(Object.fromEntries(tries)).toStrictEqual({ 'a.example/x:1': 3, 'b.example/x:1': 4 })
    expect(describeError(error)).toMatch(/^Not pushed: b\.example\/x:1\. Pushed: a\.example\/x:1\./)
    expect(log).toContain('Push of a.example/x:1: attempt 2 failed, 2 left.')
  })

  it('waits with the others until the first has brought the layers, tries and all', async () => {
    const { engine, events } = registries({ 'a.example/x:1': [busy()] })
    await settled(() => pushAll(engine, imageOf('a.example/x:1', 'a.example/x:2')))
    expect(events.indexOf('> a.example/x:2')).toBe(4)
  })
})

describe('pushAllByDigest', () => {
  const manifest = {
    digest: `sha256:${'ab'.repeat(32)}`,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 7,
  }
  const openProxy = () => Promise.reject(new Error('the engine needs none'))

  /** @param held whether the registry then has what it took */
  async function pushed(held: readonly boolean[], ...names: string[]) {
    const { engine } = registries()
    const events: string[] = []
    const pushByDigest: Engine['pushByDigest'] = (_, repository) => {
      events.push(formatReference(repository))
      return Promise.resolve(manifest)
    }
    let turn = 0
    const resolve = () => Promise.resolve((held[turn++] ?? true) ? manifest : undefined)
    const open = () => Promise.resolve({ openProxy, resolve })
    const outcome = await settled(() => pushAllByDigest({ ...engine, pushByDigest }, imageOf(...names), open))
    return { ...outcome, events }
  }

  it('pushes into every repository once, and says where the image is', async () => {
    const { value, events, log } = await pushed([], 'a.example/x:1', 'a.example/x:2', 'a.example/y:1', 'b.example/x:1')
    expect([...events].sort()).toStrictEqual(['a.example/x', 'a.example/y', 'b.example/x'])
    expect(value).toStrictEqual(
      ['a.example/x', 'a.example/y', 'b.example/x'].map((name) => ({ ...manifest, reference: parseReference(name) })),
    )
    expect(log).toContain(`Pushed a.example/y@${manifest.digest}\n`)
  })

  it('fails where the registry doesn’t have what it took', async () => {
    const { error, value } = await pushed([false, false, false], 'a.example/x:1')
    expect(value).toBeUndefined()
    expect(String(error)).toContain(
      `Push of a.example/x: the registry took ${manifest.digest}, and returns nothing for it.`,
    )
  })
})
