import { describe, expect, it } from '@jest/globals'
import { type Cache, EMPTY_CACHE, emptyStorage } from '../../../../src/cache/cache.js'
import type { Engine } from '../../../../src/engine/engine.js'
import { restoreAndConfigure } from '../../../../src/pipeline/cache/restore-and-configure.js'
import { inputsOf } from '../../helpers.js'
import { planOf } from '../services.js'

type Args = Parameters<typeof restoreAndConfigure>

interface World {
  readonly rootless?: boolean
  /** Where the cache says that the root will be, and where it is. */
  readonly foretold?: string
  readonly root?: string
  readonly fails?: 'restore' | 'configure'
}

/** What happens, in order. */
async function eventsOf({ rootless = true, foretold, root = '/kept', fails }: World): Promise<string[]> {
  const events: string[] = []
  const cache: Cache = {
    ...EMPTY_CACHE,
    rootFor: () => Promise.resolve(foretold),
    async restore() {
      // What is set up meanwhile has its turn.
      await new Promise(setImmediate)
      events.push('restored')
      if (fails === 'restore') throw new Error('broken')
      return emptyStorage(root)
    },
  }
  const configure = (where: string) => {
    events.push(`configure ${where}`)
    if (fails === 'configure') return Promise.reject(new Error('broken'))
    return Promise.resolve({ close: () => Promise.resolve(void events.push(`close ${where}`)) } as Engine)
  }
  const store = { kind: 'blobs', layout: 'buildkit' }
  const prepared = {
    engine: { engine: { rootless }, store, configure, prewarm: () => Promise.resolve() },
    cache: { cache, plan: planOf({ kind: 'directory' }), stagingDir: undefined },
    copied: Promise.resolve(new Map()),
  } as unknown as Args[1]
  const pipeline = {
    timeline: { during: (_: string, work: () => unknown) => work() },
    workDir: { path: '/job' },
  } as unknown as Args[2]
  const spec = { inputs: inputsOf({}) } as unknown as Args[0]
  await restoreAndConfigure(spec, prepared, pipeline, {} as Args[3]).then(
    ({ restored }) => events.push(`built in ${restored.warm.root}`),
    () => events.push('failed'),
  )
  return events
}

describe('an engine', () => {
  it.each<[when: string, world: World, events: string[]]>([
    ['while layers come back', { foretold: '/kept' }, ['configure /kept', 'restored', 'built in /kept']],
    [
      'anew where the root is another one',
      { foretold: '/kept', root: '/job/root' },
      ['configure /kept', 'restored', 'close /kept', 'configure /job/root', 'built in /job/root'],
    ],
    ['later where no root is known', {}, ['restored', 'configure /kept', 'built in /kept']],
    [
      'later where it builds as root',
      { rootless: false, foretold: '/kept' },
      ['restored', 'configure /kept', 'built in /kept'],
    ],
    [
      'and closed where nothing comes back',
      { foretold: '/kept', fails: 'restore' },
      ['configure /kept', 'restored', 'close /kept', 'failed'],
    ],
    ['in vain where it can’t be', { foretold: '/kept', fails: 'configure' }, ['configure /kept', 'restored', 'failed']],
  ])('is set up %s', async (_, world, events) => {
    expect(await eventsOf(world)).toStrictEqual(events)
  })
})
