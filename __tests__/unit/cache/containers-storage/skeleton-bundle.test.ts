import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from '@jest/globals'
import { type Index, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import type { Workplace } from '../../../../src/cache/containers-storage/restore.js'
import { partKey } from '../../../../src/cache/key.js'
import type { SaveJob } from '../../../../src/cache/snapshot.js'
import { temporaryFolder } from '../../helpers.js'
import {
  bigLayerOf,
  grow,
  hex,
  imageOf,
  jobOf,
  layerOf,
  type MemoryEntries,
  namesOf,
  emptyPlace,
  saveFrom,
} from '../fixtures.js'

let entries: MemoryEntries
let place: Workplace
let root: string

beforeEach(async () => {
  ;({ entries, place, root } = await emptyPlace())
  const base = imageOf('base', 'base', ['docker.io/library/alpine:3.20'])
  grow(
    root,
    [bigLayerOf('base'), bigLayerOf('1', 'base'), layerOf('2', '1')],
    [base, imageOf('1', '1'), imageOf('2', '2')],
  )
  const files = diffOf(root, '1')
  mkdirSync(join(files, 'bin'))
  writeFileSync(join(files, 'bin/large'), 'x'.repeat(100_000), { mode: 0o750 })
  writeFileSync(join(files, 'bin/empty'), '')
  symlinkSync('large', join(files, 'bin/link'))
  writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n')
})

const diffOf = (folder: string, name: string) => join(folder, 'overlay', hex(name), 'diff')

async function save(changes: Partial<Omit<SaveJob, 'run'>> = {}): Promise<Index> {
  const steps = ['1', '2'].map((name) => ({
    ...{ image: hex(`i:${name}`), key: hex(`k${name}`), content: undefined, hit: false, seconds: 3 },
  }))
  const run = { steps, imageId: hex('i:2') }
  await saveFrom(jobOf({ storage: place.store, root, bundles: true, ...changes, run }), place)
  const key = [...entries.stored.keys()].findLast((one) => one.includes('-i-')) ?? ''
  return parseIndex(entries.stored.get(key)?.content.toString() ?? '')
}

it('holds the large layers of the image, and of them everything but contents', async () => {
  const { layers, parts } = await save()
  const [bundle = '', ...others] = new Set(layers.flatMap(({ skeleton }) => skeleton ?? []))
  expect(others).toStrictEqual([])
  expect(namesOf(layers.filter(({ skeleton }) => skeleton !== undefined))).toStrictEqual(['base', '1'])
  expect(parts.map(({ sha256 }) => sha256)).toContain(bundle)
  const archive = join(temporaryFolder(), 'bundle')
  writeFileSync(archive, entries.stored.get(partKey(bundle))?.content ?? '')
  const out = temporaryFolder()
  execFileSync('tar', ['--extract', '--zstd', '--file', archive, '--directory', out])
  const files = diffOf(out, '1')
  expect(readFileSync(join(files, 'bin/large'))).toStrictEqual(Buffer.alloc(4093))
  expect(statSync(join(files, 'bin/large')).mode & 0o777).toBe(0o750)
  expect(readFileSync(join(files, 'bin/link'))).toHaveLength(4093)
  expect(readFileSync(join(files, 'bin/empty'), 'utf8')).toBe('')
  expect(readFileSync(join(files, 'etc/passwd'), 'utf8')).toContain('root:x:0')
  const split = `overlay-layers/${hex('1')}.tar-split.gz`
  expect(readFileSync(join(out, split), 'utf8')).toBe(readFileSync(join(root, split), 'utf8'))
})

it('is not made again for the same layers, nor where nobody asked for it', async () => {
  const first = await save()
  const stores = entries.stores.length
  await save({ indexes: [JSON.stringify({ format: 1, ...first })] })
  expect(entries.stores).toHaveLength(stores)
  expect((await save({ bundles: false, unique: '2-1-a' })).layers.every(({ skeleton }) => skeleton === undefined)).toBe(
    true,
  )
})

it('is all that is ever saved of a layer without contents', async () => {
  const { layers, images } = await save({ hollow: [hex('1')] })
  expect(namesOf(layers)).toStrictEqual(['base'])
  expect(namesOf(images)).toStrictEqual(['base'])
})
