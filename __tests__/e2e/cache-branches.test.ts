import { beforeAll, describe, expect, jest, test } from '@jest/globals'

import type { Job } from '../harness/cache-service.js'
import { succeed } from '../harness/clean-step.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { describeExhaustively, exhaustively, isExhaustive } from '../harness/test-set.js'
import { askedTwice, expectHit, type JobOptions, stepsOf, uploads, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(180_000)

const main = 'refs/heads/main'
const lines = ['RUN cat /proc/sys/kernel/random/uuid > /id', 'COPY source /source']
/** What the payload of every event says. */
const payload = { repository: { full_name: 'acme/web', default_branch: 'main' } }

const place = await useWarmPlace()

/** A run on this ref, with a token as GitHub gives one to it. */
function on(ref: string, source: string, scope: string, more: JobOptions = {}): StepOptions {
  const token: Job = { ref, fallbacks: [main], ...more.token }
  const event = { name: 'push', payload, ...more.event }
  return place.job(scope, lines, { ...more, files: { source }, event, token, env: { GITHUB_REF: ref, ...more.env } })
}

/** A run for the pull request number 7, which goes to `base`. */
function pullRequest(
  name: string,
  source: string,
  scope: string,
  { from = 'acme/web', base = 'main', ...more }: JobOptions & { from?: string; base?: string } = {},
): StepOptions {
  const head = { repo: { full_name: from } }
  const pull = { head, base: { ref: base, repo: { full_name: 'acme/web' } } }
  const event = { name, payload: { ...payload, pull_request: pull } }
  const ref = name === 'pull_request' ? 'refs/pull/7/merge' : `refs/heads/${base}`
  const token = { fallbacks: [`refs/heads/${base}`, main], ...more.token }
  return on(ref, source, scope, { ...more, event, token, env: { GITHUB_BASE_REF: base, ...more.env } })
}

async function watched(step: StepOptions): Promise<StepResult & { uploads: number; requests: number }> {
  place.service.forget()
  const result = await succeed(step)
  return { ...result, uploads: uploads(place.service), requests: place.service.counters().service }
}

const scopesOf = (): string[] => [...new Set(place.service.entries().map((entry) => entry.scope))].sort()

describe('branches', () => {
  test('one reads what main has left, and disturbs nothing there with its own', async () => {
    const first = await succeed(on(main, '1', 'branches'))
    const before = place.service.entries().filter(({ scope }) => scope === main)
    const same = await watched(on('refs/heads/feature', '1', 'branches'))
    expectHit(same, 'full')
    expect(same.outputs['digest']).toBe(first.outputs['digest'])
    expect(same.uploads).toBe(0)

    const changed = await watched(on('refs/heads/feature', '2', 'branches'))
    expect(stepsOf(changed)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
    expect(changed.uploads).toBe(2)
    expect(place.service.entries().filter(({ scope }) => scope === main)).toStrictEqual(before)
    expect(scopesOf()).toStrictEqual(['refs/heads/feature', main])

    const own = await watched(on('refs/heads/feature', '2', 'branches'))
    expectHit(own, 'full')
    expect(own.outputs['digest']).toBe(changed.outputs['digest'])
    // Main neither sees nor has lost anything.
    const after = await watched(on(main, '1', 'branches'))
    expectHit(after, 'full')
    expect(after.outputs['digest']).toBe(first.outputs['digest'])
    if (!isExhaustive) return
    expect(stepsOf(await watched(on(main, '2', 'branches')))).toStrictEqual({
      hit: lines.slice(0, 1),
      ran: lines.slice(1),
    })
  })

  exhaustively(test)(
    'a branch that has left nothing yet reads the default branch, whatever that is called',
    async () => {
      const trunk = { name: 'push', payload: { repository: { full_name: 'acme/web', default_branch: 'trunk' } } }
      const token = { fallbacks: ['refs/heads/trunk'] }
      await succeed(on('refs/heads/trunk', '1', 'trunk', { event: trunk, token }))
      const branch = await watched(on('refs/heads/feature', '1', 'trunk', { event: trunk, token }))
      expectHit(branch, 'full')
      const tag = await watched(on('refs/tags/v1', '1', 'trunk', { event: trunk, token }))
      expectHit(tag, 'full')
    },
  )
})

describe('pull requests', () => {
  exhaustively(test)('one reads its base and the default branch, and writes its own', async () => {
    await succeed(on('refs/heads/release', '1', 'pulls'))
    const pull = await watched(pullRequest('pull_request', '1', 'pulls', { base: 'release' }))
    expectHit(pull, 'full')
    const changed = await watched(pullRequest('pull_request', '2', 'pulls', { base: 'release' }))
    expect(changed.uploads).toBe(2)
    const again = await watched(pullRequest('pull_request', '2', 'pulls', { base: 'release' }))
    // What both indexes name is fetched once.
    expect(askedTwice(place.service)).toStrictEqual([])
    expectHit(again, 'full')
    expect(stepsOf(await watched(on('refs/heads/release', '2', 'pulls'))).ran).toStrictEqual(lines.slice(1))
  })

  test('one from a fork reads, and writes nothing', async () => {
    await succeed(on(main, '1', 'forks'))
    const entries = place.service.entries()
    const fork = await watched(pullRequest('pull_request', '2', 'forks', { from: 'mallory/web' }))
    expect(stepsOf(fork)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
    expect(fork.uploads).toBe(0)
    expect(fork.log).toMatch(/^The cache is not written: the pull request comes from a fork/m)
    expect(warnings(fork)).toStrictEqual([])
    expect(place.service.entries()).toStrictEqual(entries)
  })
})

for (const name of ['pull_request_target', 'workflow_run'])
  describeExhaustively(`a run for ${name}`, () => {
    const scope = name.replaceAll('_', '-')

    beforeAll(async () => {
      await succeed(on(main, '1', scope))
    })

    test('has no cache, and the log says why', async () => {
      const step = await watched(pullRequest(name, '1', scope))
      expectHit(step, 'none')
      expect(step.requests).toBe(0)
      expect(step.log).toMatch(
        new RegExp(`^The cache is not used: this is a ${name} run; it has the permissions of`, 'm'),
      )
    })

    test('reads it where the workflow names it, and writes it where it says that too', async () => {
      const asked = await watched(pullRequest(name, '2', scope, { inputs: { cache: 'github' } }))
      expectHit(asked, 'partial')
      expect(asked.uploads).toBe(0)
      expect(asked.log).toMatch(new RegExp(`^The cache is not written: this is a ${name} run; `, 'm'))
      const always = await watched(pullRequest(name, '2', scope, { inputs: { 'cache-write': 'always' } }))
      expectHit(always, 'partial')
      expect(always.uploads).toBe(2)
    })
  })

describeExhaustively('cache-write', () => {
  test('never: it is read and not written, on main too', async () => {
    await succeed(on(main, '1', 'never'))
    const step = await watched(on(main, '2', 'never', { inputs: { 'cache-write': 'never' } }))
    expectHit(step, 'partial')
    expect(step.uploads).toBe(0)
  })

  test('always: a fork writes too', async () => {
    const inputs = { 'cache-write': 'always' }
    const step = await watched(pullRequest('pull_request', '1', 'always', { from: 'mallory/web', inputs }))
    expect(step.uploads).toBe(2)
    const again = await watched(pullRequest('pull_request', '1', 'always', { from: 'mallory/web', inputs }))
    expectHit(again, 'full')
  })
})

exhaustively(test)('a token that may only read: one warning, and the service is asked once', async () => {
  await succeed(on(main, '1', 'read-only'))
  const step = await watched(on(main, '2', 'read-only', { token: { access: 'read' } }))
  expectHit(step, 'partial')
  expect(step.uploads).toBe(1)
  expect(warnings(step)).toHaveLength(1)
  expect(warnings(step)[0]).toContain('`cache-write: never`')
  expect(step.post?.log).not.toMatch(/^::(warning|error)/m)
  const unchanged = await watched(on(main, '1', 'read-only', { token: { access: 'read' } }))
  expectHit(unchanged, 'full')
  expect(warnings(unchanged)).toStrictEqual([])
})
