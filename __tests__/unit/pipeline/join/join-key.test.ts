import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { parsePlatforms } from '../../../../src/lib/platform.js'
import type { Wanted } from '../../../../src/pipeline/engine.js'
import { joinKeyOf } from '../../../../src/pipeline/join/join-key.js'
import { inputsOf, temporaryFolder } from '../../helpers.js'

interface Asked {
  readonly inputs?: Readonly<Record<string, string>>
  readonly dockerfile?: string
  readonly platforms?: string
  readonly own?: string
  readonly commit?: string
}

async function keyOf(asked: Asked): Promise<string> {
  const { inputs, dockerfile = 'FROM a\n', platforms = 'linux/amd64,linux/arm64', own, commit = 'abc' } = asked
  const file = join(temporaryFolder(), 'Dockerfile')
  writeFileSync(file, dockerfile)
  const wanted = { inputs: inputsOf({ images: 'h.example/acme/web', ...inputs }), source: { file } }
  const leg = { all: parsePlatforms([platforms]), own: parsePlatforms([own ?? 'linux/amd64']) }
  return await joinKeyOf(wanted as unknown as Wanted, leg, commit)
}

it.each<[what: string, asked: Asked]>([
  ['build arguments', { inputs: { 'build-args': 'A=1' } }],
  ['build contexts', { inputs: { 'build-contexts': 'lib=docker-image://a' } }],
  ['images', { inputs: { images: 'h.example/acme/other' } }],
  ['tags', { inputs: { tags: 'next' } }],
  ['context', { inputs: { context: 'sub' } }],
  ['Dockerfile', { dockerfile: 'FROM b\n' }],
  ['target', { inputs: { target: 'prod' } }],
  ['platforms', { platforms: 'linux/amd64,linux/riscv64' }],
  ['commit', { commit: 'def' }],
])('steps of one run that differ in their %s do not meet', async (_, asked) => {
  expect(await keyOf(asked)).not.toBe(await keyOf({}))
})

it('those that differ in the platforms of their runners do', async () => {
  expect(await keyOf({ own: 'linux/arm64' })).toBe(await keyOf({}))
})
