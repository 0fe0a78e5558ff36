import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import { sayTimestamp, settleTimestamp, withEpochArgument } from '../../../../src/pipeline/prepare/timestamp.js'
import { contextOf, eventOf, inputsOf, logOf, namesOf, rejection, temporaryFolder } from '../../helpers.js'

const at = (commitDate: Date | undefined) =>
  contextOf({ workspace: temporaryFolder(), event: eventOf({ names: namesOf({ commitDate }) }) })
const declaring = parseDockerfile('FROM a\nARG SOURCE_DATE_EPOCH=1\nRUN make')
const silent = parseDockerfile('FROM a\nCOPY . /')

describe('the time of the commit', () => {
  it('is the one in the event where the workspace is no checkout', async () => {
    const inputs = await settleTimestamp(inputsOf({ timestamp: 'commit' }), at(new Date('2026-11-23T10:00:00.5Z')))
    expect(inputs.timestamp).toStrictEqual({ from: 'commit', seconds: 1_795_428_000 })
  })

  it('that nobody knows is an error', async () => {
    const error = await rejection(settleTimestamp(inputsOf({ timestamp: 'commit' }), at(undefined)))
    expect(error.message).toMatch(/^Input "timestamp": got "commit", but the date of the commit is not known/)
    expect(error.hint).toContain('actions/checkout')
  })
})

describe('SOURCE_DATE_EPOCH', () => {
  it.each([
    [{}, { SOURCE_DATE_EPOCH: '7' }, { from: 'SOURCE_DATE_EPOCH', seconds: 7 }],
    [{ 'build-args': 'SOURCE_DATE_EPOCH=8' }, { SOURCE_DATE_EPOCH: '7' }, { from: 'SOURCE_DATE_EPOCH', seconds: 8 }],
    [{ 'build-args': 'SOURCE_DATE_EPOCH' }, { SOURCE_DATE_EPOCH: '7' }, { from: 'SOURCE_DATE_EPOCH', seconds: 7 }],
    [{ 'build-args': 'SOURCE_DATE_EPOCH=8', timestamp: '9' }, {}, { from: 'seconds', seconds: 9 }],
    [{}, { SOURCE_DATE_EPOCH: 'yesterday' }, undefined],
    [{}, {}, undefined],
  ])('%j in %j is %j', (inputs, env, expected) => {
    expect(inputsOf(inputs as Record<string, string>, env as Record<string, string>).timestamp).toStrictEqual(expected)
  })

  it('has the time of the image as a build argument, where it is declared', () => {
    const inputs = inputsOf({ timestamp: '9', 'build-args': 'SOURCE_DATE_EPOCH=8\nA=1' })
    const others = [{ name: 'A', value: '1' }]
    expect(withEpochArgument(inputs, declaring).buildArgs).toStrictEqual([
      ...others,
      { name: 'SOURCE_DATE_EPOCH', value: '9' },
    ])
    expect(withEpochArgument(inputs, silent).buildArgs).toStrictEqual(others)
    expect(withEpochArgument(inputsOf({ 'build-args': 'A=1' }), declaring).buildArgs).toStrictEqual(others)
  })
})

describe('the log', () => {
  it('says which time it is, and what it doesn’t reach', async () => {
    const log = await logOf(() => {
      sayTimestamp(inputsOf({ timestamp: 'epoch' }), declaring)
    })
    expect(log).toContain('Timestamp: the image and its files are of 1970-01-01T00:00:00Z (input "timestamp")\n')
    expect(log).toContain('times and random values that RUN steps write into files stay')
  })

  it('says what the time of a commit costs', async () => {
    const log = await logOf(async () => {
      const inputs = await settleTimestamp(inputsOf({ timestamp: 'commit' }), at(new Date(0)))
      sayTimestamp(inputs, silent)
    })
    expect(log).toContain('steps that other commits have cached are built again')
    expect(log).not.toContain('RUN steps')
  })

  it('says nothing of the time of the build', async () => {
    expect(
      await logOf(() => {
        sayTimestamp(inputsOf({}), declaring)
      }),
    ).toBe('')
  })
})
