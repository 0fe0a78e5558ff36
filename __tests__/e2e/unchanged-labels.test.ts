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

/** A checkout as actions/checkout makes it: of one commit. */
async function checkOut(repository: string): Promise<string> {
  const folder = join(makeFolder('checkout'), 'work')
  await run('git', ['clone', '--quiet', '--depth=1', `file://${repository}`, folder])
  const { uid, gid } = accountFor('user')
  if (testsAreRoot) await run('chown', ['-R', `${uid}:${gid}`, folder])
  return folder
}

async function job(name: string, repository: string, options: JobOptions = {}): Promise<StepOptions> {
  const workspace = await checkOut(repository)
  const sha = (await run('git', ['-c', 'safe.directory=*', '-C', workspace, 'rev-parse', 'HEAD'])).toString().trim()
  const env = { GITHUB_SHA: sha, ...options.env }
  const event = { name: 'push', payload: { head_commit: { timestamp: '2026-11-30T00:00:00Z' } } }
  return { ...skipJob(place, name, [], { event, ...options, env }), workspace }
}

async function labelsOf(name: string): Promise<Readonly<Record<string, string>>> {
  return (await place.pull(name)).config.config?.Labels ?? {}
}

describe('labels of the commit', () => {
  test('are those of the commit that was built, and other commits build nothing', async () => {
    const repository = await makeRepository()
    const built = await commit(repository, { 'src/a': '2' }, '2026-11-21T08:00:00Z')
    const cold = await watchSkip(place, await job('labels', repository))
    expectBuilt(cold)
    expect(await labelsOf('labels')).toMatchObject({
      [`${label}.revision`]: built,
      [`${label}.created`]: '2026-11-30T00:00:00.000Z',
    })
    await commit(repository, { 'docs/readme.md': '2' }, '2026-11-22T08:00:00Z')
    // Where the event has no time, Git has one.
    const event = { name: 'workflow_dispatch', payload: { head_commit: null } }
    const docs = await watchSkip(place, await job('labels', repository, { event }))
    expectSkipped(docs, cold)
    expect(docs.log).toContain(`Unchanged: its labels name the commit it was built from: ${built}\n`)
    expect(docs.outputs['labels']).toBe(cold.outputs['labels'])
    expect(docs.outputs['annotations']).toBe(cold.outputs['annotations'])

    const next = await commit(repository, { 'src/a': '3' }, '2026-11-24T08:00:00Z')
    const changed = await watchSkip(place, await job('labels', repository, { event }))
    expectBuilt(changed, /^Unchanged: no; changed since the build of .*: context$/m)
    expect(await labelsOf('labels')).toMatchObject({
      [`${label}.revision`]: next,
      [`${label}.created`]: '2026-11-24T08:00:00.000Z',
    })

    const inputs = { labels: `${label}.revision={{sha}}` }
    const own = await watchSkip(place, await job('labels', repository, { inputs }))
    expect(own.log).toMatch(/^Unchanged: reusing the image built at .* UTC with the labels of this run; /m)
    expect(await labelsOf('labels')).toMatchObject({ [`${label}.revision`]: next.slice(0, 7) })
  })

  test('others are given to the image in the registry, which is what a build would have made', async () => {
    const repository = await makeRepository()
    const sha = await commit(repository, { 'src/a': '2' }, '2026-11-21T08:00:00Z')
    const inputs = { labels: 'team=web\nnote=$HOME and "more"' }
    const cold = await watchSkip(place, await job('relabelled', repository, { inputs }))
    expectBuilt(cold)
    const before = await place.pull('relabelled')

    const release = { ...inputs, tags: '1.2.3\nlatest', labels: `${inputs.labels}2` }
    const options = { inputs: release }
    const tagged = await watchSkip(place, await job('relabelled', repository, options))
    expect(tagged.log).toMatch(
      /^Unchanged: reusing the image built at .* UTC with the labels and annotations of this run; /m,
    )
    expect(tagged.log).not.toMatch(/^(\[\d+\/\d+\] )?STEP |^Cache restored: /m)
    expect(tagged.outputs).toMatchObject({ built: 'false', 'cache-hit': 'full' })
    const after = await place.pull('relabelled')
    expect(after.digest).toBe(tagged.outputs['digest'])
    expect(after.manifest.config.digest).toBe(tagged.outputs['imageid'])
    expect(after.manifest.layers).toStrictEqual(before.manifest.layers)
    const changed = { [`${label}.version`]: '1.2.3', [`${label}.revision`]: sha }
    expect(after.config.config?.Labels).toStrictEqual({
      ...before.config.config?.Labels,
      ...changed,
      note: '$HOME and "more"2',
    })
    expect(after.manifest.annotations).toStrictEqual({ ...before.manifest.annotations, ...changed })
    expectSkipped(await watchSkip(place, await job('relabelled', repository, options)), tagged)

    const anew = { ...options, inputs: { ...release, unchanged: 'build' } }
    const built = await watchSkip(place, await job('relabelled', repository, anew))
    expectBuilt(built)
    const same = await place.pull('relabelled')
    expect(same.config.config).toStrictEqual(after.config.config)
    // An old Buildah names the image of the step before as the base, when that comes from the cache.
    const base = { [`${label}.base.digest`]: expect.any(String) as unknown }
    expect(same.manifest.annotations).toStrictEqual({ ...after.manifest.annotations, ...base })
  })

  exhaustively(test)('a version that is made of the commit is that of the same commit', async () => {
    const repository = await makeRepository()
    const built = await commit(repository, { 'src/a': '2' }, '2026-11-21T08:00:00Z')
    const inputs = { tags: 'type=sha' }
    const cold = await watchSkip(place, await job('versions', repository, { inputs }))
    const last = await commit(repository, { 'docs/readme.md': '2' }, '2026-11-22T08:00:00Z')
    const docs = await watchSkip(place, await job('versions', repository, { inputs }))
    expectSkipped(docs, cold)
    expect(docs.outputs['tags']).toBe(`${place.proxy.host}/acme/versions:sha-${last.slice(0, 7)}`)
    expect(docs.outputs['labels']).toContain(`${label}.version=sha-${built.slice(0, 7)}`)
  })
})
