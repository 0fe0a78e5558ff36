import { describe, expect, it } from '@jest/globals'
import { emptyStorage, type Skeletons } from '../../../../src/cache/cache.js'
import type { Step } from '../../../../src/engine/progress.js'
import { UserError } from '../../../../src/errors.js'
import { CommandError } from '../../../../src/exec.js'
import {
  checkSkeletons,
  ReadSkeletonError,
  replaceAfter,
  whyRead,
} from '../../../../src/pipeline/cache/skeleton-check.js'
import { logOf } from '../../helpers.js'

const step = (text: string, changes: Partial<Step> = {}): Step => ({
  ...{ stage: 0, stages: 1, index: 1, of: 2, text, image: 'abc', hit: false, seconds: 1 },
  ...changes,
})

describe('whyRead', () => {
  it.each<[what: string, steps: readonly Step[], why: string | undefined]>([
    ['a COPY ran', [step('COPY a /a')], undefined],
    ['a RUN was a hit', [step('RUN x', { hit: true })], undefined],
    ['a RUN ran', [step('COPY a /a'), step('RUN x', { index: 2 })], 'RUN ran on'],
    ['an ADD ran', [step('ADD a.tar /')], 'ADD ran on'],
    ['a RUN ran in a stage with whole layers', [step('RUN x', { stage: 1 })], undefined],
    ['the lines came out of turn', [step('COPY a /a', { image: undefined })], 'its steps are not known'],
  ])('where %s', (_, steps, why) => {
    const found = whyRead(steps, new Set([0]))
    if (why === undefined) expect(found).toBeUndefined()
    else expect(found).toContain(why)
  })
})

function cacheOf(skeletons: Partial<Skeletons> | undefined) {
  const restored = emptyStorage('/root')
  const plan = { scope: { id: '0', text: '' } } as Parameters<typeof replaceAfter>[1]['plan']
  const all: Skeletons = {
    ...{ layers: new Set(['a']), stages: new Set([0]), savedBytes: 1 },
    findContent: () => Promise.resolve(undefined),
    replace: () => Promise.resolve(restored.restored),
    ...skeletons,
  }
  const warm = { ...restored, skeletons: () => (skeletons === undefined ? undefined : all) }
  return { warm, plan, stagingDir: '/s' } as unknown as Parameters<typeof replaceAfter>[1]
}

describe('checkSkeletons', () => {
  it('lets pass what has read nothing', async () => {
    await checkSkeletons(cacheOf({}), [step('COPY a /a')])
    await checkSkeletons(cacheOf(undefined), [step('RUN x')])
  })

  it('refuses what a RUN may have read, and what has the content of a skeleton', async () => {
    await expect(checkSkeletons(cacheOf({}), [step('RUN x')])).rejects.toThrow(ReadSkeletonError)
    const found = cacheOf({ findContent: () => Promise.resolve('a new layer') })
    await expect(checkSkeletons(found, [step('COPY a /a')])).rejects.toThrow('a new layer')
  })
})

describe('replaceAfter', () => {
  const failed = (exitCode: number, output: string) =>
    new UserError('The build failed.', '', { cause: new CommandError(['buildah', 'build'], exitCode, output) })
  const PUSH = new UserError('Not pushed: a.\nfile integrity checksum failed for "/bin/sh"', '')

  /** Whether everything came back whole. */
  const replaced = async (error: unknown, isBuilt: boolean, has = true) => {
    let count = 0
    const replace = () => {
      count += 1
      return Promise.resolve(emptyStorage('/root').restored)
    }
    const work = () => replaceAfter(error, cacheOf(has ? { replace } : undefined), isBuilt)
    const log = await logOf(() => work().catch(() => undefined))
    if (count > 0) expect(log).toContain('building once more with whole layers')
    return count > 0
  }

  it.each<[what: string, error: unknown, isBuilt: boolean, is: boolean]>([
    ['what was built has read one', new ReadSkeletonError('RUN ran'), true, true],
    ['the build failed, whatever it said', failed(1, 'Error: exec format error'), false, true],
    ['a push had to read one', PUSH, true, true],
    ['a registry refused the push', new UserError('Not pushed: a.\nunauthorized', ''), true, false],
    ['the build was ended', failed(-1, ''), false, false],
  ])('where %s', async (_, error, isBuilt, is) => {
    expect(await replaced(error, isBuilt)).toBe(is)
  })

  it('is of no use where every layer was whole', async () => {
    expect(await replaced(PUSH, true, false)).toBe(false)
  })
})
