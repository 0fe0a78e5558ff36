import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import {
  cacheDirectory,
  directoryStep,
  idsIn,
  indexFile,
  indexOf,
  recordsIn,
  scopeIn,
  sealed,
  unsealed,
  withFiles,
} from '../harness/cache-directory-steps.js'
import { contentOf, recover, setUpStand, type Stand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import { succeed } from '../harness/clean-step.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { runAction } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { casesOfSet, describeExhaustively, exhaustively, isExhaustive, seedOfSet } from '../harness/test-set.js'

jest.setTimeout(300_000)

let stand: Stand

beforeAll(async () => {
  stand = await setUpStand()
})

afterAll(async () => {
  await stand.stop()
  await removeFolders()
})

function expectTidy(scope: string): void {
  expect(idsIn(scope, 'overlay')).toStrictEqual(recordsIn(scope, 'layers'))
  expect(idsIn(scope, 'overlay-images')).toStrictEqual(recordsIn(scope, 'images'))
  expect(idsIn(scope, 'overlay-containers')).toStrictEqual([])
  expect(readdirSync(scope).sort()).toStrictEqual(['aside', 'indexes', 'mounts', 'root'])
  // Steps that the last build had no use for lie aside, and in the index.
  const known = new Set([...indexOf(scope).layers, ...indexOf(scope).images].map(({ record }) => record.id))
  const aside = readdirSync(join(scope, 'aside')).map((name) => name.slice(0, 64))
  expect(aside.filter((id) => !known.has(id))).toStrictEqual([])
}

/** Puts the clock of a lock back, as if its holder had been silent for long. */
function letAge(scope: string): void {
  const then = new Date(Date.now() - 60_000)
  utimesSync(join(scope, 'lock'), then, then)
}

/** A job that dies while it builds in the folder of a cache, and leaves its lock there. */
async function die(directory: string, small: string): Promise<void> {
  const options = withFiles(directoryStep(stand, directory), { small })
  const step = await runAction({ ...options, signal: { name: 'SIGKILL', when: /^STEP 5\/\d/m } })
  expect(step.exitCode).toBe('SIGKILL')
  expect(step.post?.exitCode).toBe(0)
  expect(warningsOf({ log: '', post: step.post })).toStrictEqual([])
  expect(step.leftInTemp).toStrictEqual([])
  expect(step.leftRunning).toStrictEqual([])
}

describe('a job is killed while it builds', () => {
  exhaustively(test)('at once after it, another does without', async () => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    await die(directory, 'killed')
    const step = await withstand(stand, directoryStep(stand, directory))
    const texts = warningsOf(step)
    expect(texts).toStrictEqual(
      texts.length === 0 ? [] : [expect.stringMatching(/another job is building in .*without/)],
    )
  })

  test('later, another finds what was whole, and sweeps the rest', async () => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    await die(directory, 'killed')
    const scope = scopeIn(directory)
    letAge(scope)
    expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
    expectTidy(scope)
  })

  exhaustively(test)('the first of all', async () => {
    const directory = cacheDirectory()
    await die(directory, 'small')
    const scope = scopeIn(directory)
    letAge(scope)
    await recover(stand, directoryStep(stand, directory))
    expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
    expectTidy(scope)
  })
})

test('two jobs at once on one folder', async () => {
  const directory = cacheDirectory()
  await recover(stand, directoryStep(stand, directory))
  const builds = ['one', 'two'].map(async (name) => {
    const options = withFiles(directoryStep(stand, directory, { tags: name }), { small: name })
    const step = await succeed(options)
    return { step, name, content: await contentOf(`${stand.reference}:${name}`) }
  })
  const results = await Promise.all(builds)
  for (const { step, name, content } of results) {
    expect(content.files['srv/small']?.size).toBe(name.length)
    expect(content.files['srv/big']).toStrictEqual(stand.image.files['srv/big'])
    expect(warningsOf(step).length).toBeLessThan(2)
  }
  const without = results.filter(({ step }) => warningsOf(step).length > 0)
  expect(without.length).toBeLessThan(2)
  for (const { step } of without) expect(warningsOf(step)[0]).toMatch(/another job is building in .*without/)
  const after = await recover(stand, directoryStep(stand, directory))
  expect(after.outputs['cache-hit']).toBe('full')
  expectTidy(scopeIn(directory))
})

interface Index {
  layers: { record: { id: string; parent?: string; 'diff-digest'?: string } }[]
  images: { record: { id: string; layer?: string } }[]
  memory: { name: string; content: string }[]
}

const outside = '../../../outside'
const spoilt: Readonly<{ [name: string]: (text: string) => string }> = {
  'is empty': () => '',
  'is half written': (text) => text.slice(0, text.length / 2),
  'has a flipped byte': (text) => `\xdf${text.slice(1)}`,
  'is another format': () => '{"format":2}',
  'was written to': (text) => text.replace('"diff-size":', '"diff-size":1'),
  'names ../.. as layers': (text) => changed(text, ({ layers }) => layers.map(({ record }) => (record.id = outside))),
  'names ../.. as images': (text) => changed(text, ({ images }) => images.map(({ record }) => (record.id = outside))),
  'names ../.. as memory': (text) => changed(text, ({ memory }) => memory.push({ name: outside, content: '' })),
}

function changed(text: string, change: (index: Index) => unknown): string {
  const index = JSON.parse(unsealed(text)) as Index
  change(index)
  return sealed(JSON.stringify(index))
}

// The one of the cache service stands for both in the ordinary set (cache-faults-content.test.ts).
describeExhaustively('an index that', () => {
  test.each(Object.entries(spoilt))('%s', async (_, spoil) => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    const scope = scopeIn(directory)
    const file = indexFile(scope)
    for (const path of [join(scope, 'outside'), join(directory, 'outside')]) writeFileSync(path, 'here')
    writeFileSync(file, spoil(readFileSync(file, 'utf8')))
    const step = await withstand(stand, directoryStep(stand, directory))
    expect(warningsOf(step)).toStrictEqual([expect.stringMatching(/^Cache: skipping the index: /)])
    expect(step.outputs['cache-hit']).toBe('none')
    for (const path of [join(scope, 'outside'), join(directory, 'outside')]) {
      expect(readFileSync(path, 'utf8')).toBe('here')
      rmSync(path)
    }
    expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
    expectTidy(scope)
  })
})

test('an index that lies about its layers: all is built once more, and the next run is warm', async () => {
  const directory = cacheDirectory()
  await recover(stand, directoryStep(stand, directory))
  const file = indexFile(scopeIn(directory))
  const lie = ({ layers }: Index) => {
    for (const { record } of layers) record['diff-digest'] = `sha256:${'0'.repeat(64)}`
  }
  writeFileSync(file, changed(readFileSync(file, 'utf8'), lie))
  const step = await withstand(stand, directoryStep(stand, directory))
  expect(warningsOf(step)).toStrictEqual([expect.stringMatching(/^Cache: the build failed with the restored layers/)])
  expect(step.outputs['cache-hit']).toBe('none')
  expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
})

describeExhaustively('whatever bit flips in the folder', () => {
  const seed = seedOfSet(20_261_130)

  test(`200 times, the image is right (seed ${seed})`, async () => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    let state = seed
    // Park and Miller's: enough to choose a file, a byte and a bit.
    const draw = (below: number) => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    for (let turn = 0; turn < 200; turn += 1) {
      const copy = join(cacheDirectory(), 'copy')
      execFileSync('cp', ['-a', directory, copy])
      const files = filesIn(copy)
      const path = files[draw(files.length)] ?? ''
      const content = readFileSync(path)
      const at = draw(Math.max(content.length, 1))
      content[at] = (content[at] ?? 0) ^ (1 << draw(8))
      writeFileSync(path, content)
      const step = await withstand(stand, directoryStep(stand, copy))
      expect([path, warningsOf(step).length]).toStrictEqual([path, warningsOf(step).length === 0 ? 0 : 1])
      rmSync(copy, { recursive: true })
    }
  }, 7_200_000)
})

/** Every plain file below a folder. */
function filesIn(folder: string): string[] {
  return execFileSync('find', [folder, '-type', 'f', '-print0']).toString().split('\0').filter(Boolean).sort()
}

describe('a storage root of which', () => {
  const losses: Readonly<{ [name: string]: (scope: string) => void }> = {
    'the records of layers are half written': (scope) => {
      writeFileSync(join(scope, 'root/overlay-layers/layers.json'), '[{')
    },
    'the records of images are half written': (scope) => {
      writeFileSync(join(scope, 'root/overlay-images/images.json'), '[{')
    },
    'the folder of a layer is gone': (scope) => {
      const [layer] = indexOf(scope).layers.slice(-1)
      rmSync(join(scope, 'root/overlay', layer?.record.id ?? 'none'), { recursive: true })
    },
    'the files of an image are gone': (scope) => {
      const [image] = indexOf(scope).images.slice(-1)
      rmSync(join(scope, 'root/overlay-images', image?.record.id ?? 'none'), { recursive: true })
    },
    'everything is gone': (scope) => {
      rmSync(join(scope, 'root'), { recursive: true })
    },
  }

  test.each(casesOfSet(Object.entries(losses), ([what]) => what === 'the folder of a layer is gone'))(
    '%s',
    async (_, lose) => {
      const directory = cacheDirectory()
      await recover(stand, directoryStep(stand, directory))
      lose(scopeIn(directory))
      const step = await withstand(stand, directoryStep(stand, directory))
      expect(warningsOf(step).length).toBeLessThan(2)
      await recover(stand, directoryStep(stand, directory))
      if (isExhaustive)
        expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
      expectTidy(scopeIn(directory))
    },
  )
})

describe('a folder that can’t be used is one warning', () => {
  exhaustively(test)('it is a file', async () => {
    const directory = join(cacheDirectory(), 'file')
    writeFileSync(directory, '')
    const step = await withstand(stand, directoryStep(stand, directory))
    expect(warningsOf(step)).toStrictEqual([expect.stringContaining(directory)])
  })

  testUnless(rootReason)('it is somebody else’s', async () => {
    const directory = makeFolder('others')
    const step = await withstand(stand, directoryStep(stand, directory))
    expect(warningsOf(step)).toStrictEqual([expect.stringContaining(directory)])
    expect(readdirSync(directory)).toStrictEqual([])
  })

  exhaustively(testUnless(rootReason))('it is root’s own, where root drops to an account', async () => {
    const closed = makeFolder('closed')
    chmodSync(closed, 0o700)
    const directory = join(closed, 'cache')
    mkdirSync(directory)
    const inputs = { 'rootless-user': accountFor('user').name }
    const step = await withstand(stand, directoryStep(stand, directory, inputs, { as: 'root' }))
    expect(warningsOf(step)).toStrictEqual([expect.stringContaining(closed)])
    expect(existsSync(directory)).toBe(true)
  })
})
