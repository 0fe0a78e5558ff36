import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'

import { accountFor, testsAreRoot } from '../harness/account.js'
import { run } from '../harness/command.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, watchSkip } from '../harness/skip-steps.js'
import { exhaustively } from '../harness/test-set.js'
import { useWarmPlace } from '../harness/use-warm-place.js'
import type { JobOptions } from '../harness/warm-steps.js'

jest.setTimeout(240_000)

const place = await useWarmPlace()
const label = 'org.opencontainers.image'

/** A repository with a Dockerfile and what it copies, and with what it doesn't. */
async function makeRepository(): Promise<string> {
  const folder = makeWorkspace({
    Dockerfile: `FROM ${place.base}\nCOPY src /src\n`,
    '.dockerignore': 'src/*.md\n',
    'src/a': '1',
    'docs/readme.md': '1',
  })
  await run('git', ['init', '--quiet', '--initial-branch=main', folder])
  await commit(folder, {}, '2026-11-20T08:00:00Z')
  return folder
}

/** @returns its SHA */
async function commit(folder: string, files: Readonly<Record<string, string>>, date: string): Promise<string> {
  for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
  const who = ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com']
  await run('git', ['-C', folder, 'add', '--all', '.'])
  const env = { ...process.env, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date }
  await run('git', ['-C', folder, ...who, 'commit', '--quiet', '--allow-empty', '--message=x'], { env })
  return (await run('git', ['-C', folder, 'rev-parse', 'HEAD'])).toString().trim()
}

/** A checkout as actions/checkout makes it, of this depth. */
async function checkOut(repository: string, depth: number): Promise<string> {
  const folder = join(makeFolder('checkout'), 'work')
  const cut = depth === 0 ? [] : [`--depth=${depth}`]
  await run('git', ['clone', '--quiet', ...cut, `file://${repository}`, folder])
  const { uid, gid } = accountFor('user')
  if (testsAreRoot) await run('chown', ['-R', `${uid}:${gid}`, folder])
  return folder
}

async function job(name: string, repository: string, depth: number, options: JobOptions = {}): Promise<StepOptions> {
  const workspace = await checkOut(repository, depth)
  const sha = (await run('git', ['-c', 'safe.directory=*', '-C', workspace, 'rev-parse', 'HEAD'])).toString().trim()
  const env = { GITHUB_SHA: sha, ...options.env }
  // What the event says of the commit would be another time.
  const event = { name: 'push', payload: { head_commit: { timestamp: '2026-11-30T00:00:00Z' } } }
  return { ...skipJob(place, name, [], { event, ...options, env }), workspace }
}

describe('labels of the commit', () => {
  test('are those of the last commit that changed what is built, so that the others build nothing', async () => {
    const repository = await makeRepository()
    const built = await commit(repository, { 'src/a': '2' }, '2026-11-21T08:00:00Z')
    const cold = await watchSkip(place, await job('labels', repository, 0))
    expectBuilt(cold)
    expect((await place.pull('labels')).config.config?.Labels).toMatchObject({
      [`${label}.revision`]: built,
      [`${label}.created`]: '2026-11-21T08:00:00.000Z',
    })
    await commit(repository, { 'docs/readme.md': '2' }, '2026-11-22T08:00:00Z')
    await commit(repository, { 'src/notes.md': 'is left out' }, '2026-11-23T08:00:00Z')
    const docs = await watchSkip(place, await job('labels', repository, 0))
    expectSkipped(docs, cold)
    expect(docs.outputs['labels']).toBe(cold.outputs['labels'])

    const next = await commit(repository, { 'src/a': '3' }, '2026-11-24T08:00:00Z')
    const changed = await watchSkip(place, await job('labels', repository, 0))
    // The label would differ, too, but what differs first is said.
    expectBuilt(changed, / in: labels$/m)
    expect((await place.pull('labels')).config.config?.Labels).toMatchObject({ [`${label}.revision`]: next })
  })

  exhaustively(test)('a version that is made of the commit is that of the same commit', async () => {
    const repository = await makeRepository()
    const built = await commit(repository, { 'src/a': '2' }, '2026-11-21T08:00:00Z')
    const inputs = { tags: 'type=sha' }
    const cold = await watchSkip(place, await job('versions', repository, 0, { inputs }))
    const last = await commit(repository, { 'docs/readme.md': '2' }, '2026-11-22T08:00:00Z')
    const docs = await watchSkip(place, await job('versions', repository, 0, { inputs }))
    expectSkipped(docs, cold)
    expect(docs.outputs['tags']).toBe(`${place.proxy.host}/acme/versions:sha-${last.slice(0, 7)}`)
    expect(docs.outputs['labels']).toContain(`${label}.version=sha-${built.slice(0, 7)}`)
  })

  test('are left out where the history is cut off, which is said, and an own label counts as it is', async () => {
    const repository = await makeRepository()
    await commit(repository, { 'docs/readme.md': '2' }, '2026-11-21T08:00:00Z')
    const cold = await watchSkip(place, await job('shallow', repository, 1))
    expect(cold.log).toMatch(
      /^Labels: org\.opencontainers\.image\.revision and \.created are left out, since the history of the checkout was cut off \(`fetch-depth: 0`/m,
    )
    expect(Object.keys((await place.pull('shallow')).config.config?.Labels ?? {})).not.toContain(`${label}.revision`)
    await commit(repository, { 'docs/readme.md': '3' }, '2026-11-22T08:00:00Z')
    expectSkipped(await watchSkip(place, await job('shallow', repository, 1)), cold)

    const inputs = { labels: `${label}.revision={{sha}}` }
    const own = await watchSkip(place, await job('shallow', repository, 1, { inputs }))
    expectBuilt(own, / in: labels$/m)
    expect(own.log).not.toContain('are left out')
  })
})
