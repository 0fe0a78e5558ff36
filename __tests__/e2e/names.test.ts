import { describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { useRegistry } from '../harness/use-registry.js'
import { stepsOf } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()

const oci = 'org.opencontainers.image.'
const repository = {
  ...{ name: 'web', full_name: 'acme/web', default_branch: 'main', html_url: 'https://github.com/acme/web' },
  ...{ description: 'The shop\nwindow', license: { spdx_id: 'Apache-2.0' } },
}
const sha = '0123456789abcdef0123456789abcdef01234567'

interface PendingCache {
  readonly name: string
  readonly ref: string
  readonly payload?: object
}

const push: PendingCache = {
  name: 'push',
  ref: 'refs/heads/main',
  payload: { head_commit: { timestamp: '2026-03-01T00:30:00+01:00' } },
}
const release: PendingCache = { name: 'push', ref: 'refs/tags/v1.4.2' }
const pull: PendingCache = {
  name: 'pull_request',
  ref: 'refs/pull/7/merge',
  payload: { number: 7, pull_request: { number: 7, base: { ref: 'main' }, head: { ref: 'x', sha: 'b'.repeat(40) } } },
}

/** A run that this event started; `tags` is as the test says, and nothing where it doesn't. */
function started(
  { name, ref, payload }: PendingCache,
  inputs: Readonly<Record<string, string>> = {},
  more: Partial<StepOptions> = {},
): StepOptions {
  const images = `${registry.host}/acme/web`
  return {
    workspace: { Dockerfile: `FROM ${base}\nRUN echo built > /built\n` },
    ...more,
    inputs: { images, tags: '', 'tls-verify': 'false', ...inputs },
    event: { name, payload: { repository, ...payload } },
    env: { GITHUB_REF: ref, ...more.env },
  }
}

describe('an image is named after what started the run', () => {
  test('a push to the branch, with labels and annotations that are true', async () => {
    const { outputs } = await succeed(started(push, { push: 'true', labels: `own=#1, "x"\n${oci}title=Shop` }))
    expect(outputs).toMatchObject({ version: 'main', 'tag-names': 'main', tags: `${registry.host}/acme/web:main` })
    const image = await pullImage(`${registry.host}/acme/web:main`)
    const eight = {
      [`${oci}created`]: '2026-02-28T23:30:00.000Z',
      [`${oci}description`]: 'The shop window',
      [`${oci}licenses`]: 'Apache-2.0',
      [`${oci}revision`]: sha,
      [`${oci}source`]: 'https://github.com/acme/web',
      [`${oci}title`]: 'web',
      [`${oci}url`]: 'https://github.com/acme/web',
      [`${oci}version`]: 'main',
    }
    const labels = { ...eight, own: '#1, "x"', [`${oci}title`]: 'Shop' }
    expect(image.config.config?.Labels).toMatchObject(labels)
    expect(image.manifest.annotations).toMatchObject(eight)
    const lines = (of: Readonly<Record<string, string>>) =>
      Object.entries(of).map(([name, value]) => `${name}=${value}`)
    expect(outputs['labels']?.split('\n')).toStrictEqual(lines(labels).sort())
    expect(outputs['annotations']?.split('\n')).toStrictEqual(lines(eight).map((line) => `manifest:${line}`))
    expect(JSON.parse(outputs['json'] ?? '')).toStrictEqual({
      tags: [`${registry.host}/acme/web:main`],
      'tag-names': ['main'],
      labels,
      annotations: lines(eight).map((line) => `manifest:${line}`),
    })
  })

  test('a tag of a release', async () => {
    const tags = 'type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=ref,event=branch'
    const { outputs, log, summary } = await succeed(started(release, { push: 'true', tags }))
    expect(outputs['version']).toBe('1.4.2')
    expect(outputs['tag-names']).toBe('1.4.2\n1.4\nlatest')
    expect(summary).toContain(`| \`${registry.host}/acme/web:1.4\` | \`${outputs['digest'] ?? ''}\` |\n`)
    expect(summary).toContain(`\ndocker pull ${registry.host}/acme/web@${outputs['digest'] ?? ''}\n`)
    expect(summary).toMatch(/```mermaid\ngantt\n.*\n {4}2 RUN echo built \/built( — \d+\.\d s)? :active, \d+, \d+\n/s)
    const digests = ['1.4.2', '1.4', 'latest'].map((tag) => pullImage(`${registry.host}/acme/web:${tag}`))
    for (const { digest } of await Promise.all(digests)) expect(digest).toBe(outputs['digest'])
    expect(log).toContain(
      'Names: type=ref,event=branch gives no tag: the event "push" on "refs/tags/v1.4.2" is not a branch\n',
    )
  })

  test('another commit is another label, and no step is built anew for it', async () => {
    const toolCache = makeFolder('tools', accountFor('user'))
    const cache = { cache: 'directory', push: 'true' }
    await succeed(started(push, cache, { toolCache }))
    const next = await succeed(started(push, cache, { toolCache, env: { GITHUB_SHA: 'c'.repeat(40) } }))
    expect(stepsOf(next)).toStrictEqual({ hit: ['RUN echo built > /built'], ran: [] })
    const { config } = await pullImage(`${registry.host}/acme/web:main`)
    expect(config.config?.Labels).toMatchObject({ [`${oci}revision`]: 'c'.repeat(40) })
  })
})

describe('dry-run', () => {
  test('tells everything, and builds, logs in and pushes nothing', async () => {
    const login = { username: 'ada', password: 'hunter2-hunter2', registry: registry.host }
    const given = { secrets: 'token=correct-horse', 'build-args': 'A=b', labels: 'own=1' }
    const { log, outputs, summary } = await succeed(
      started(release, { ...login, ...given, images: `${registry.host}/acme/dry`, push: 'true', 'dry-run': 'true' }),
    )
    const lines = log.split('\n').filter((line) => !line.startsWith('::add-mask::'))
    for (const expected of [
      /^Engine: Buildah \d/,
      /^Dry run: nothing is built or pushed\.$/,
      /^Cache key: image ".*\/acme\/dry", platform "linux\/\w+" \([0-9a-f]{16}\)$/,
      new RegExp(`^ {2}${registry.host}/acme/dry:v1\\.4\\.2$`),
      new RegExp(`^ {2}${oci}revision=${sha}$`),
      /^ {2}own=1$/,
      /^ {2}\/\S*buildah .* build (?=.* --build-arg A=b )(?=.* --secret id=token,src=\S+ )(?=.* --label own=1 ).*--tag \S+\/acme\/dry:v1\.4\.2 /,
    ]) {
      expect(lines).toContainEqual(expect.stringMatching(expected))
    }
    expect(lines.join('\n')).not.toMatch(/hunter2|correct-horse|STEP 1/)
    expect(outputs).toMatchObject({ digest: '', imageid: '', pushed: '[]', version: 'v1.4.2', 'cache-hit': 'none' })
    await expect(pullImage(`${registry.host}/acme/dry:v1.4.2`)).rejects.toThrow()
    expect(summary).toBe('')
  })
})

describe('what Git knows', () => {
  /** A checkout with one commit. */
  async function checkout(): Promise<{ workspace: string; commit: string }> {
    // It is root's where the tests are root's, as checkouts in job containers are another user's.
    const workspace = makeWorkspace({ Dockerfile: `FROM ${base}\n` })
    const identity = ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com']
    const git = async (...args: string[]): Promise<string> =>
      (
        await run('git', ['-C', workspace, ...identity, ...args], {
          env: { ...process.env, GIT_COMMITTER_DATE: '2026-01-02T03:04:05+02:00' },
        })
      ).toString()
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'first')
    return { workspace, commit: (await git('rev-parse', 'HEAD')).trim() }
  }

  test('the time of the commit, where the event doesn’t have it', async () => {
    const { workspace, commit } = await checkout()
    const tags = "type=raw,value={{commit_date 'YYYY-MM-DD'}}"
    const untimed = { ...pull, payload: { ...pull.payload, head_commit: null } }
    const { outputs } = await succeed(
      started(untimed, { 'dry-run': 'true', tags }, { workspace, env: { GITHUB_SHA: commit } }),
    )
    expect(outputs['version']).toBe('2026-01-02')
    expect(outputs['labels']).toContain(`${oci}created=2026-01-02T01:04:05.000Z\n`)
  })
})
