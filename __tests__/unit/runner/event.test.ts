import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type Event, readEvent } from '../../../src/runner/event.js'
import { temporaryFolder } from '../helpers.js'

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
      names: expect.objectContaining({ baseRef: 'main', defaultBranch: 'main' }),
      unique: expect.stringMatching(/^1658821493-2-[0-9a-f]{12}$/),
      ...{ run: '1658821493', attempt: '2' },
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

describe('what names are made of', () => {
  const sha = '0123456789abcdef0123456789abcdef01234567'

  it('of a push', () => {
    const payload = {
      repository: {
        ...repository,
        ...{ name: 'web', description: 'The shop', html_url: 'https://example.com/acme/web' },
        license: { spdx_id: 'MIT' },
      },
      base_ref: 'refs/heads/release',
      head_commit: { timestamp: '2026-03-01T00:30:00+01:00' },
    }
    expect(eventFrom(payload, { GITHUB_SHA: sha, GITHUB_REPOSITORY: 'acme/web' }).names).toStrictEqual({
      ...{ sha, baseRef: 'refs/heads/release', defaultBranch: 'main', prNumber: undefined, prHeadSha: undefined },
      ...{ usePrHeadSha: false, shortShaLength: '', commitDate: new Date('2026-02-28T23:30:00Z') },
      repository: {
        ...{ known: true, name: 'web', description: 'The shop' },
        ...{ url: 'https://example.com/acme/web', license: 'MIT' },
      },
    })
  })

  it('of a pull request, with the variables of docker/metadata-action', () => {
    const payload = { number: 7, pull_request: { number: 8, head: { sha }, base: { ref: 'main' } } }
    const environment = { DOCKER_METADATA_PR_HEAD_SHA: 'true', DOCKER_METADATA_SHORT_SHA_LENGTH: '12' }
    expect(eventFrom(payload, environment).names).toMatchObject({
      ...{ baseRef: 'main', prNumber: 8, prHeadSha: sha, usePrHeadSha: true, shortShaLength: '12' },
    })
    expect(eventFrom({ number: 7 }).names.prNumber).toBe(7)
  })

  it.each([
    ['TRUE', true],
    ['True', true],
    ['false', false],
    ['1', false],
    ['', false],
  ])('the head of a pull request is wanted by %j: %s', (text, expected) => {
    expect(eventFrom({}, { DOCKER_METADATA_PR_HEAD_SHA: text }).names.usePrHeadSha).toBe(expected)
  })

  it('of a schedule, whose payload has no repository and which runs on the default branch', () => {
    const environment = {
      GITHUB_EVENT_NAME: 'schedule',
      GITHUB_REF: 'refs/heads/trunk/x',
      GITHUB_REPOSITORY: 'acme/web',
    }
    const payload = { schedule: '30 5 * * 1' }
    expect(eventFrom(payload, environment)).toMatchObject({
      defaultBranch: 'refs/heads/trunk/x',
      names: { defaultBranch: 'trunk/x', repository: { known: false, name: 'web' } },
    })
    expect(eventFrom({ ...payload, repository }, environment).names.defaultBranch).toBe('main')
    for (const other of [{ GITHUB_EVENT_NAME: 'push' }, { GITHUB_REF: 'refs/tags/v1' }])
      expect(eventFrom(payload, { ...environment, ...other })).toMatchObject({
        defaultBranch: undefined,
        names: { defaultBranch: undefined },
      })
  })

  it.each([{ number: '7' }, { number: 1.5 }, { number: null }, { pull_request: { number: {} } }])(
    '%j has no number',
    (payload) => {
      expect(eventFrom(payload).names.prNumber).toBeUndefined()
    },
  )

  it('without a payload, from the environment', () => {
    const environment = { GITHUB_REPOSITORY: 'acme/web', GITHUB_SERVER_URL: 'https://ghe.example.com' }
    expect(readEvent(environment).names.repository).toStrictEqual({
      ...{ known: false, name: 'web', url: 'https://ghe.example.com/acme/web' },
      ...{ description: undefined, license: undefined },
    })
    expect(readEvent({}).names.repository).toMatchObject({ name: '', url: undefined })
    expect(eventFrom({ head_commit: { timestamp: 'yesterday' } }).names.commitDate).toBeUndefined()
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
