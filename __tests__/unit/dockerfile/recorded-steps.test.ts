import { describe, expect, it } from '@jest/globals'
import { type PrintedStep, recordedSteps } from '../../../src/dockerfile/recorded-steps.js'

const KEYS = [
  { keys: ['a0', 'a1', 'a2'], contents: ['c', 'c', 'd'], added: 0 },
  { keys: ['b0', 'b1', undefined], contents: ['c', undefined, undefined], added: 0 },
]

const step = (stage: number, index: number, more: Partial<PrintedStep> = {}): PrintedStep => ({
  ...{ stage, index, stages: 2, of: 3, hit: false, seconds: index },
  image: index === 0 ? undefined : `image-${stage}-${index}`,
  ...more,
})
const ALL = [0, 1].flatMap((stage) => [0, 1, 2].map((index) => step(stage, index)))
const keysOf = (steps: readonly PrintedStep[]) => recordedSteps(steps, KEYS).map(({ key }) => key)

describe('recordedSteps', () => {
  it('gives the images with their keys', () => {
    const hit = step(0, 1, { hit: true })
    expect(recordedSteps([step(0, 0), hit, step(0, 2)], KEYS)).toStrictEqual([
      { image: 'image-0-1', key: 'a1', content: 'c', hit: true, seconds: 1 },
      { image: 'image-0-2', key: 'a2', content: 'd', hit: false, seconds: 2 },
    ])
  })

  it.each<[what: string, steps: PrintedStep[], keys: string[]]>([
    ['a step without a key', ALL, ['a1', 'a2', 'b1']],
    ['a step without an image', ALL.with(1, step(0, 1, { image: undefined })), ['a2', 'b1']],
    ['FROM, whatever it gives', ALL.with(0, step(0, 0, { image: 'x' })), ['a1', 'a2', 'b1']],
    ['steps that did not come', ALL.slice(0, 2), ['a1']],
    ['a stage that is left out', ALL.slice(3), ['b1']],
    ['a stage of more steps', ALL.with(2, step(0, 2, { of: 4 })), ['b1']],
    ['a stage of fewer steps', ALL.with(4, step(1, 1, { of: 2 })), ['a1', 'a2']],
    ['a stage of an unknown number of steps', ALL.with(1, step(0, 1, { of: undefined })), ['b1']],
    ['a stage that is none', [...ALL, step(2, 1)], ['a1', 'a2', 'b1']],
    ['another number of stages', ALL.map((own) => ({ ...own, stages: 3 })), []],
    ['nothing', [], []],
  ])('takes %s as it is', (_, steps, keys) => {
    expect(keysOf(steps)).toStrictEqual(keys)
  })
})
