import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { readState, type State, stateWriter } from '../../../src/runner/state.js'
import { temporaryFolder } from '../helpers.js'

const state: State = {
  folder: '/temp/my "folder"\nx',
  unshare: ['/usr/bin/buildah', 'unshare'],
  keepStorage: false,
  stagingDirs: ['/temp/staging'],
  later: ['/temp/staging/later.json'],
}
const nothing = { unshare: [], keepStorage: false, stagingDirs: [], later: [] }

/** What main writes, call by call, as the runner hands each entry to post. */
function writtenBy(work: (remember: ReturnType<typeof stateWriter>) => void): State[] {
  const file = join(temporaryFolder(), 'state')
  writeFileSync(file, '')
  process.env['GITHUB_STATE'] = file
  work(stateWriter())
  // As the runner reads it: the name, a delimiter that the text can't know, the text, the delimiter; the last one counts.
  const entries = [...readFileSync(file, 'utf8').matchAll(/^(.+)<<(ghadelimiter_\S+)\n([^]*?)\n\2$/gm)]
  expect(new Set(entries.map(([, name]) => name)).size).toBeLessThan(2)
  return entries.flatMap(([, , , text]) => {
    process.env['STATE_rootless-image-build'] = text
    return readState() ?? []
  })
}

afterEach(() => {
  for (const name of ['GITHUB_STATE', 'STATE_rootless-image-build']) Reflect.deleteProperty(process.env, name)
})

describe('state', () => {
  it('goes from main to post by the file of the runner', () => {
    const written = writtenBy((remember) => {
      remember({ ...state, folder: '/earlier', stagingDirs: [], later: [] })
      remember(state)
    })
    expect(written).toStrictEqual([{ ...state, folder: '/earlier', stagingDirs: [], later: [] }, state])
  })

  it('grows with what becomes known, and keeps what a later call doesn’t name', () => {
    const { folder, unshare, stagingDirs, later } = state
    const written = writtenBy((remember) => {
      remember({ folder })
      remember({ stagingDirs })
      remember({ unshare, keepStorage: true })
      remember({ later })
      remember({ unshare })
      remember({ later: ['/temp/other/later.json'], stagingDirs: ['/temp/other'] })
    })
    expect(written).toStrictEqual([
      { ...nothing, folder },
      { ...nothing, folder, stagingDirs },
      { ...nothing, folder, stagingDirs, unshare, keepStorage: true },
      { folder, stagingDirs, unshare, keepStorage: true, later },
      { folder, stagingDirs, unshare, keepStorage: true, later },
      {
        folder,
        stagingDirs: [...stagingDirs, '/temp/other'],
        unshare,
        keepStorage: true,
        later: [...later, '/temp/other/later.json'],
      },
    ])
  })

  it('is not written before there is a folder to remove', () => {
    expect(
      writtenBy((remember) => {
        remember({ stagingDirs: ['/staging'] })
      }),
    ).toStrictEqual([])
  })

  it('has two writers keep nothing of one another', () => {
    const [first] = writtenBy((remember) => {
      remember({ folder: '/a', stagingDirs: ['/staging'] })
    })
    const [second] = writtenBy((remember) => {
      remember({ folder: '/b' })
    })
    expect([first, second]).toStrictEqual([
      { ...nothing, folder: '/a', stagingDirs: ['/staging'] },
      { ...nothing, folder: '/b' },
    ])
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
    '{"folder": "/a", "unshare": [], "keepStorage": false, "later": [], "stagingDirs": "/staging"}',
    '{"folder": "/a", "unshare": [], "keepStorage": false, "later": [], "stagingDirs": ["staging"]}',
    '{"folder": "/a", "unshare": [], "keepStorage": false, "stagingDirs": [], "later": 5}',
    '{"folder": "/a", "unshare": [], "keepStorage": false, "stagingDirs": [], "later": ""}',
  ])('is refused where it isn’t what main writes: %s', (text) => {
    expect(() => readState(text)).toThrow(/JSON|not in the format that post reads/)
  })
})
