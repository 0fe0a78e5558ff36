import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { readState, type State, writeState } from '../../src/state.js'
import { temporaryFolder } from './helpers.js'

const state: State = { folder: '/temp/my "folder"\nx', unshare: ['/usr/bin/buildah', 'unshare'], keepStorage: false }

afterEach(() => {
  for (const name of ['GITHUB_STATE', 'STATE_rootless-image-build']) Reflect.deleteProperty(process.env, name)
})

describe('state', () => {
  it('goes from main to post by the file of the runner', () => {
    const file = join(temporaryFolder(), 'state')
    writeFileSync(file, '')
    process.env['GITHUB_STATE'] = file
    writeState({ ...state, folder: '/earlier' })
    writeState(state)
    // As the runner reads it: the name, a delimiter that the text can't know, the text, the delimiter; the last one counts.
    const entries = [...readFileSync(file, 'utf8').matchAll(/^(.+)<<(ghadelimiter_\S+)\n([^]*?)\n\2$/gm)]
    expect(entries.map(([, name]) => name)).toStrictEqual(['rootless-image-build', 'rootless-image-build'])
    process.env['STATE_rootless-image-build'] = entries.at(-1)?.[3]
    expect(readState()).toStrictEqual(state)
  })

  it('is undefined where main wrote none', () => {
    expect(readState()).toBeUndefined()
    expect(readState('')).toBeUndefined()
  })

  it.each([
    'x',
    '{',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"folder": "/a"}',
    '{"folder": "/a", "unshare": []}',
    '{"folder": "a", "unshare": [], "keepStorage": false}',
    '{"folder": "", "unshare": [], "keepStorage": false}',
    '{"folder": 5, "unshare": [], "keepStorage": false}',
    '{"folder": "/a", "unshare": "buildah", "keepStorage": false}',
    '{"folder": "/a", "unshare": ["x", 5], "keepStorage": false}',
    '{"folder": "/a", "unshare": [], "keepStorage": "no"}',
  ])('is refused where it isn’t what main writes: %s', (text) => {
    expect(() => readState(text)).toThrow(/JSON|not in the form that post reads/)
  })
})
