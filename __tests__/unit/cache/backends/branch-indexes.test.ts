import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { readIndexes, writeIndex } from '../../../../src/cache/backends/branch-indexes.js'
import { formatIndex, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { isExhaustive } from '../../../harness/test-set.js'
import { temporaryFolder } from '../../helpers.js'
import { hex, indexOf, layerOf } from '../fixtures.js'

it('an index of a branch is not used where any bit of it is another', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'index')
  const read = () => readIndexes(['index'], (name) => join(folder, name), parseIndex)
  const index = indexOf({ layers: [{ record: layerOf('a'), part: '', seal: hex('seal') }] })
  await writeIndex(path, formatIndex(index))
  expect([...(await read()).indexes.values()]).toStrictEqual([index])
  const whole = readFileSync(path)
  for (let bit = 0; bit < 8 * whole.length; bit += isExhaustive ? 1 : 13) {
    const flipped = Buffer.from(whole)
    flipped[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(path, flipped)
    const { indexes, flaws } = await read()
    expect([indexes.size, flaws.size]).toStrictEqual([0, 1])
  }
})
