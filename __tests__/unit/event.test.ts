import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type Event, readEvent } from '../../src/event.js'
import { temporaryFolder } from './helpers.js'

const folder = temporaryFolder()

function fileOf(text: string): string {
  const path = join(folder, 'event.json')
  writeFileSync(path, text)
  return path
}

const eventFrom = (payload: unknown, environment: NodeJS.ProcessEnv = {}) =>
  readEvent({ ...environment, GITHUB_EVENT_PATH: fileOf(JSON.stringify(payload)) })

const repository = { full_name: 'acme/web', default_branch: 'main' }

/** The payload of a pull request to `main` from this repository. */
const pullFrom = (repo: unknown, base: object = { ref: 'main', repo: repository }) => ({
  pull_request: { head: { ref: 'topic', repo }, base },
  repository,
})

describe('readEvent', () => {
  it('takes what environment and payload tell of a pull request', () => {
    const environment = {
      GITHUB_EVENT_NAME: 'pull_request',
      GITHUB_REF: 'refs/pull/7/merge',
      GITHUB_REPOSITORY: 'acme/web',
      GITHUB_RUN_ID: '1658821493',
      GITHUB_RUN_ATTEMPT: '2',
    }
    expect(eventFrom(pullFrom({ full_name: 'acme/web' }), environment)).toStrictEqual({
      name: 'pull_request',
      ref: 'refs/pull/7/merge',
      baseRef: 'refs/heads/main',
      defaultBranch: 'refs/heads/main',
      fork: false,
      repository: 'acme/web',
      unique: expect.stringMatching(/^1658821493-2-[0-9a-f]{12}$/),
    })
  })

  it('takes what they tell of a push', () => {
    const environment = { GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/heads/a/b', GITHUB_REPOSITORY: 'acme/web' }
    expect(eventFrom({ repository }, environment)).toMatchObject({
      ref: 'refs/heads/a/b',
      baseRef: undefined,
      defaultBranch: 'refs/heads/main',
      fork: false,
    })
  })

  it('takes the base from the environment where the payload has none', () => {
    expect(eventFrom({}, { GITHUB_BASE_REF: 'release/1' }).baseRef).toBe('refs/heads/release/1')
    expect(eventFrom(pullFrom({}), { GITHUB_BASE_REF: 'other' }).baseRef).toBe('refs/heads/main')
    expect(eventFrom({}, { GITHUB_BASE_REF: '' }).baseRef).toBeUndefined()
  })

  it('has another unique text each time', () => {
    expect(readEvent({ GITHUB_RUN_ID: '1' }).unique).not.toBe(readEvent({ GITHUB_RUN_ID: '1' }).unique)
    expect(readEvent({ GITHUB_RUN_ID: '1,\n', GITHUB_RUN_ATTEMPT: '-1' }).unique).toMatch(/^[0-9a-f]{12}$/)
  })
})

describe('a fork', () => {
  it.each<[what: string, name: string, payload: unknown, expected: boolean]>([
    ['the same repository', 'pull_request', pullFrom({ full_name: 'acme/web' }), false],
    ['the same in other letters', 'pull_request', pullFrom({ full_name: 'Acme/Web' }), false],
    ['another owner', 'pull_request', pullFrom({ full_name: 'mallory/web' }), true],
    ['another name', 'pull_request', pullFrom({ full_name: 'acme/web2' }), true],
    ['a fork that is gone', 'pull_request', pullFrom(null), true],
    ['a repository without a name', 'pull_request', pullFrom({ full_name: 7 }), true],
    ['no word of the base', 'pull_request', pullFrom({ full_name: 'acme/web' }, {}), false],
    ['no word of the base, another owner', 'pull_request', pullFrom({ full_name: 'mallory/web' }, {}), true],
    ['no word of the head', 'pull_request', { pull_request: {} }, true],
    ['no payload', 'pull_request', null, true],
    ['a review', 'pull_request_review', pullFrom({ full_name: 'mallory/web' }), true],
    ['pull_request_target', 'pull_request_target', pullFrom({ full_name: 'mallory/web' }), true],
    ['pull_request_target of our own', 'pull_request_target', pullFrom({ full_name: 'acme/web' }), false],
    ['a push', 'push', pullFrom({ full_name: 'mallory/web' }), false],
    ['no event', '', null, false],
  ])('%s, %s', (_, name, payload, expected) => {
    expect(eventFrom(payload, { GITHUB_EVENT_NAME: name, GITHUB_REPOSITORY: 'acme/web' }).fork).toBe(expected)
  })
})

describe('a payload that can’t be read', () => {
  const unknown: Partial<Event> = { baseRef: undefined, defaultBranch: undefined, fork: false, ref: 'refs/heads/x' }
  const read = (path: string) => readEvent({ GITHUB_EVENT_PATH: path, GITHUB_REF: 'refs/heads/x' })

  it.each([
    '',
    '{',
    'null',
    '7',
    '"text"',
    '[]',
    '{"repository": null}',
    '{"repository": {"default_branch": 7}}',
    '\0',
  ])('is unknown when it is %j', (text) => {
    expect(read(fileOf(text))).toMatchObject(unknown)
  })

  it('is unknown when it is not there, or no file', () => {
    expect(read(join(folder, 'missing'))).toMatchObject(unknown)
    expect(read('')).toMatchObject(unknown)
    expect(read(folder)).toMatchObject(unknown)
  })

  it('is not waited for when it is a pipe', () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(read(pipe)).toMatchObject(unknown)
  })

  it('is not read when it is over 10 MB', () => {
    const path = fileOf(JSON.stringify({ repository }).padEnd(10_000_000))
    expect(read(path).defaultBranch).toBe('refs/heads/main')
    writeFileSync(path, ' ', { flag: 'a' })
    expect(read(path)).toMatchObject(unknown)
    truncateSync(path, 10_000_000)
    expect(read(path).defaultBranch).toBe('refs/heads/main')
  })
})
