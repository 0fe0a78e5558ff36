import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type Engine, type Image, type Pushed, RegistryError } from '../../src/engine/engine.js'
import { describe as describeError, UserError } from '../../src/errors.js'
import { formatReference, parseReference, type Reference } from '../../src/image/reference.js'
import { persist, pushAll } from '../../src/push.js'
import { logOf } from './helpers.js'

const busy = () => new RegistryError('The registry is busy.', 'Wait.', true)
const refused = () => new RegistryError('The registry refuses.', 'Ask for rights.', false)

// Between tries are seconds; the clock of the tests doesn't wait for them.
beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

/** What comes of it, once all that waits has waited. The log is kept out of the way, and given back. */
async function settled<T>(start: () => Promise<T>): Promise<{ value?: T; error?: unknown; log: string }> {
  const outcome: { value?: T; error?: unknown } = {}
  const log = await logOf(async () => {
    const promise = start().then(
      (value) => {
        outcome.value = value
      },
      (error: unknown) => {
        outcome.error = error
      },
    )
    await jest.runAllTimersAsync()
    await promise
  })
  return { ...outcome, log }
}

describe('persist', () => {
  /** Fails with each of these in turn, then works. */
  const failing = (...errors: Error[]) => {
    const times: number[] = []
    const action = () => {
      times.push(Date.now())
      const error = errors[times.length - 1]
      return error === undefined ? Promise.resolve('done') : Promise.reject(error)
    }
    return { times, action }
  }

  it('tries once where that works, and says nothing', async () => {
    const { times, action } = failing()
    expect(await settled(() => persist('Push', action))).toStrictEqual({ value: 'done', log: '' })
    expect(times).toHaveLength(1)
  })

  it('tries again while the registry is busy, and says so', async () => {
    const { times, action } = failing(busy(), busy())
    const { value, log } = await settled(() => persist('Push of x', action))
    expect(value).toBe('done')
    expect(times).toHaveLength(3)
    expect(log).toBe(
      'Push of x: attempt 1 failed, 3 left. The registry is busy.\nWait.\n' +
        'Push of x: attempt 2 failed, 2 left. The registry is busy.\nWait.\n',
    )
  })

  it('gives up after the fourth try, with the last error', async () => {
    const last = busy()
    const { times, action } = failing(busy(), busy(), busy(), last, busy())
    const { error } = await settled(() => persist('Push', action))
    expect(error).toBe(last)
    expect(times).toHaveLength(4)
  })

  it('waits longer each time, and never as long as others do', async () => {
    const pauses = async () => {
      const { times, action } = failing(busy(), busy(), busy())
      await settled(() => persist('Push', action))
      return times.slice(1).map((time, index) => time - (times[index] ?? 0))
    }
    const all = [await pauses(), await pauses(), await pauses(), await pauses()]
    for (const [first = 0, second = 0, third = 0] of all) {
      expect(first).toBeGreaterThanOrEqual(1000)
      expect(first).toBeLessThanOrEqual(2000)
      expect(second).toBeGreaterThanOrEqual(2000)
      expect(second).toBeLessThanOrEqual(4000)
      expect(third).toBeGreaterThanOrEqual(4000)
      expect(third).toBeLessThanOrEqual(8000)
    }
    expect(new Set(all.map(([first]) => first)).size).toBeGreaterThan(1)
  })

  it.each([
    ['the registry refuses', refused()],
    ['it is another mistake', new UserError('wrong')],
    ['it is no mistake of the user', new Error('broken')],
    ['it is a bug', new TypeError('x is not a function')],
  ])('does not try again where %s', async (_, error) => {
    const { times, action } = failing(error)
    const outcome = await settled(() => persist('Push', action))
    expect(outcome).toStrictEqual({ error, log: '' })
    expect(times).toHaveLength(1)
  })

  it('stops at the first refusal behind a busy registry', async () => {
    const error = refused()
    const { times, action } = failing(busy(), error)
    expect((await settled(() => persist('Push', action))).error).toBe(error)
    expect(times).toHaveLength(2)
  })
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
    preview: () => '',
    writeOutputs: unused,
    load: unused,
    keepSteps: unused,
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
      'Not pushed: a.example/x:1. Pushed: a.example/x:2, b.example/x:1.\nThe registry refuses.\nAsk for rights.',
    )
    expect(log).toContain('Pushed a.example/x:2@')
    expect(log).toContain('Pushed b.example/x:1@')
    expect(log).not.toContain('Pushed a.example/x:1')
  })

  it('says when nothing was pushed', async () => {
    const { engine } = registries({ 'a.example/x:1': [refused()], 'b.example/x:1': [new Error('broken')] })
    const { error } = await settled(() => pushAll(engine, imageOf('a.example/x:1', 'b.example/x:1')))
    expect(describeError(error)).toBe(
      'Not pushed: a.example/x:1, b.example/x:1. Nothing was pushed.\nThe registry refuses.\nAsk for rights.\nbroken',
    )
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
