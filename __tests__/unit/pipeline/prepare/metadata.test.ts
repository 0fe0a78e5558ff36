import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Context } from '../../../../src/runner/context.js'
import type { NameFacts } from '../../../../src/runner/event.js'
import { describe as describeError } from '../../../../src/errors.js'
import { asBuilt, type Metadata, resolveMetadata, pairsOf } from '../../../../src/pipeline/prepare/metadata.js'
import { contextOf, eventOf, inputsOf, logOf, namesOf, rejection, temporaryFolder } from '../../helpers.js'

const oci = 'org.opencontainers.image.'

/** A run on a tag, in a workspace that is no checkout unless it is told. */
function onTag(tag: string, changes: Partial<Context> = {}, facts: Partial<NameFacts> = {}): Context {
  const event = eventOf({ ref: `refs/tags/${tag}`, names: namesOf(facts) })
  return contextOf({ workspace: temporaryFolder(), env: { PATH: process.env['PATH'] ?? '' }, event, ...changes })
}

function git(folder: string, ...args: string[]): string {
  const env = { ...process.env, GIT_COMMITTER_DATE: '2026-01-02T03:04:05+02:00' }
  const identity = ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com']
  return execFileSync('git', ['-C', folder, ...identity, ...args], { env })
    .toString()
    .trim()
}

/** A checkout with one commit. */
function checkout(...tags: string[]): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n')
  git(folder, 'init', '--quiet', '--initial-branch=main')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '--message', 'first')
  for (const tag of tags) git(folder, 'tag', tag)
  return folder
}

async function named(values: Readonly<Record<string, string>>, context: Context) {
  let names: Metadata | undefined
  const log = await logOf(async () => {
    names = await resolveMetadata(inputsOf(values), context)
  })
  if (names === undefined) throw new Error('there are no names')
  return { names, log }
}

describe('resolveMetadata', () => {
  it('names an image by the event, and says what gave nothing', async () => {
    const values = { images: 'acme/web', tags: 'type=ref,event=tag\ntype=edge', labels: 'a=1', annotations: 'b=2' }
    const { names, log } = await named(values, onTag('v1.4.2'))
    expect(names).toMatchObject({ tagNames: ['v1.4.2', 'latest'], version: 'v1.4.2' })
    expect(names.labels.get(`${oci}created`)).toBe('2026-11-23T10:00:00.000Z')
    expect(pairsOf(names.labels)).toContainEqual({ name: 'a', value: '1' })
    expect(names.annotations.get('b')).toBe('2')
    expect(names.json['tag-names']).toStrictEqual(['v1.4.2', 'latest'])
    expect(log).toContain('Names: type=edge gives no tag: ')
  })

  it('has bare tags where there is no name that they could be for', async () => {
    const { names } = await named({}, contextOf({ event: eventOf({ ref: 'refs/heads/main' }) }))
    expect(names).toMatchObject({ references: [], bareTags: ['main'], tagNames: ['main'], version: 'main' })
    expect(names.json.tags).toStrictEqual(['main'])
  })

  it.each([
    ['tags', { tags: 'type=x' }, 'Input "tags": in the line "type=x", the type "x" is unknown'],
    ['flavor', { flavor: 'latest=no' }, 'Input "flavor": in the line "latest=no", latest is "no"'],
    ['labels', { labels: '=x' }, 'Input "labels": in the line "=x", the name before = is missing'],
    ['annotations', { annotations: 'index:a=b' }, 'Input "annotations": in the line "index:a=b"'],
    ['a push of nothing', { tags: 'type=edge', push: 'true' }, 'Input "push" is true, and there is nothing to push'],
  ])('an error of %s names the input', async (_, values, message) => {
    const error = await rejection(named({ images: 'acme/web', ...values }, onTag('v1.4.2')))
    expect(describeError(error)).toContain(message)
  })
})

describe('annotations with a place', () => {
  const annotations = 'a=1\nindex:b=2\nmanifest[linux/arm64]:c=3'

  it.each([
    { platforms: 'linux/amd64,linux/arm64' },
    { platforms: 'linux/arm64', distribute: 'true' },
    { digests: `sha256:${'a'.repeat(64)}` },
  ])('are taken where there is an index: %j', async (values) => {
    const { names } = await named({ images: 'acme/web', annotations, ...values }, onTag('v1.4.2'))
    expect(names.annotations.get('a')).toBe('1')
    expect(names.leveled).toStrictEqual([
      { level: 'index', platform: undefined, name: 'b', value: '2' },
      { level: 'manifest', platform: 'linux/arm64', name: 'c', value: '3' },
    ])
  })
})

describe('what the log says', () => {
  const onBranch = (name: string) => contextOf({ event: eventOf({ ref: `refs/heads/${name}` }) })

  it('why the branch gives no tag, also where nobody wrote a rule', async () => {
    const { names, log } = await named({ images: 'acme/web' }, onBranch('\u529f\u80fd'))
    expect(names.tagNames).toStrictEqual([])
    expect(log).toBe('Names: type=ref,event=branch gives no tag: no character of "\u529f\u80fd" is allowed in a tag\n')
  })

  it('nothing of the other rules that nobody wrote, and all of those that somebody wrote', async () => {
    expect((await named({ images: 'acme/web' }, onBranch('main'))).log).toBe('')
    const tags = 'type=ref,event=branch\ntype=ref,event=tag'
    expect((await named({ images: 'acme/web', tags }, onBranch('main'))).log).toBe(
      'Names: type=ref,event=tag gives no tag: the event "push" on "refs/heads/main" is not a tag\n',
    )
  })

  it('that a tag is not what the branch is called', async () => {
    const { names, log } = await named({ images: 'acme/web' }, onBranch('-x'))
    expect(names.tagNames).toStrictEqual(['x'])
    expect(log).toContain('Names: type=ref,event=branch gives x: a tag begins with')
  })

  it('which lines of labels and annotations are not taken, once', async () => {
    const lines = 'a={{nope}}\nb'
    const { names, log } = await named({ images: 'acme/web', labels: lines, annotations: lines }, onBranch('main'))
    expect(names.labels.get('a')).toBe('{{nope}}')
    expect(names.annotations.get('a')).toBe('{{nope}}')
    expect(names.labels.has('b')).toBe(false)
    expect(log.trim().split('\n')).toStrictEqual([
      'Labels: "{{nope}}" in "a" is not an expression and is left unchanged',
      expect.stringMatching(/^::warning::labels: "b" has no = and is left out\. Write b=/),
      'Annotations: "{{nope}}" in "a" is not an expression and is left unchanged',
      expect.stringMatching(/^::warning::annotations: "b" has no = and is left out\. Write b=/),
    ])
  })

  const scheduled = (known: boolean) => {
    const names = namesOf({ repository: { ...namesOf().repository, known } })
    return contextOf({ event: eventOf({ name: 'schedule', names }) })
  }

  it('which labels a run by schedule leaves without a value', async () => {
    const note = (labels: string) => `Labels: left empty: ${labels}; a schedule event doesn't describe the repository\n`
    const description = `${oci}description=x`
    expect((await named({ images: 'a/b' }, scheduled(false))).log).toBe(note(`${oci}description and ${oci}licenses`))
    expect((await named({ images: 'a/b', labels: description }, scheduled(false))).log).toBe(note(`${oci}licenses`))
    expect((await named({ images: 'a/b', labels: `${description}\n${oci}licenses=MIT` }, scheduled(false))).log).toBe(
      '',
    )
    expect((await named({ images: 'a/b' }, scheduled(true))).log).toBe('')
  })
})

describe('the digits of a short commit', () => {
  const tagOf = async (shortShaLength: string) => {
    const context = contextOf({ event: eventOf({ names: namesOf({ shortShaLength }) }) })
    return (await named({ images: 'acme/web', tags: 'type=sha' }, context)).names.version
  }

  it.each([
    ['', 7],
    [' ', 7],
    ['12', 12],
    [' 4 ', 4],
    ['100', 40],
  ])('%j is %i', async (text, digits) => {
    expect(await tagOf(text)).toBe(`sha-${'a'.repeat(digits)}`)
  })

  it.each(['abc', '0', '-1', '1.5', '1e1', '0x10', '12 '.repeat(2)])('%j is refused', async (text) => {
    expect(describeError(await rejection(tagOf(text)))).toBe(
      `Variable "DOCKER_METADATA_SHORT_SHA_LENGTH": got ${JSON.stringify(text)}.\n` +
        'Write the number of commit digits in a tag, such as `DOCKER_METADATA_SHORT_SHA_LENGTH: 12`, or remove it for 7.',
    )
  })
})

describe('what Git is asked', () => {
  it.each([
    ['v1.4.3', true],
    ['v1.4.2', true],
    ['v1.4.1', false],
  ])('whether %s is the highest of the checkout', async (tag, isHighest) => {
    const workspace = checkout('v1.0.0', 'v1.4.2', 'v2.0.0-rc.1', 'nightly')
    const { names } = await named({ images: 'acme/web', flavor: 'latest=highest' }, onTag(tag, { workspace }))
    expect(names.tagNames).toStrictEqual(isHighest ? [tag, 'latest'] : [tag])
  })

  it('the tags of the remote, which a checkout of one commit hasn’t', async () => {
    const remote = checkout('v1.9.0')
    const workspace = checkout()
    git(workspace, 'remote', 'add', 'origin', remote)
    const { names, log } = await named({ images: 'a/b', flavor: 'latest=highest' }, onTag('v1.4.2', { workspace }))
    expect(names.tagNames).toStrictEqual(['v1.4.2'])
    expect(log).toMatch(/latest is not moved: v?1\.9\.0 is higher/)
  })

  it.each<[string, Partial<Context>]>([
    ['the workspace is no checkout', {}],
    ['there is no Git', { env: { PATH: '/nowhere' } }],
  ])('nothing comes of it where %s', async (_, changes) => {
    const { names, log } = await named({ images: 'a/b', flavor: 'latest=highest' }, onTag('v1.4.2', changes))
    expect(names.tagNames).toStrictEqual(['v1.4.2'])
    expect(log).toContain('the existing tags are not known')
  })

  it('not of a repository that the workspace is only a folder of', async () => {
    const workspace = join(checkout('v9.0.0'), 'folder')
    mkdirSync(workspace)
    const { log } = await named({ images: 'a/b', flavor: 'latest=highest' }, onTag('v1.4.2', { workspace }))
    expect(log).toContain('the existing tags are not known')
  })

  it('the time of the commit, where the event hasn’t it', async () => {
    const workspace = checkout()
    const facts = { sha: git(workspace, 'rev-parse', 'HEAD'), commitDate: undefined }
    const { names } = await named({ images: 'a/b' }, onTag('v1', { workspace }, facts))
    expect(names.labels.get(`${oci}created`)).toBe('2026-01-02T01:04:05.000Z')
    const pull = { ...facts, sha: 'f'.repeat(40), prHeadSha: facts.sha, usePrHeadSha: true }
    const event = eventOf({ name: 'pull_request', ref: 'refs/pull/7/merge', names: namesOf(pull) })
    const ofPull = await named({ images: 'a/b' }, onTag('v1', { workspace, event }))
    expect(ofPull.names.labels.get(`${oci}created`)).toBe('2026-01-02T01:04:05.000Z')
    // A commit that isn't one is not asked for, and one that isn't there has no time.
    for (const sha of ['--output=/x', 'HEAD', 'f'.repeat(40)]) {
      const other = await named({ images: 'a/b' }, onTag('v1', { workspace }, { sha, commitDate: undefined }))
      expect(other.names.labels.get(`${oci}created`)).toBe('2026-11-24T12:00:00.000Z')
    }
  })
})

describe('what names the commit', () => {
  const sha = 'b'.repeat(40)
  const onBranch = (facts: Partial<NameFacts> = {}) =>
    contextOf({ workspace: temporaryFolder(), env: { PATH: '/nowhere' }, event: eventOf({ names: namesOf(facts) }) })

  it('is there without a checkout: the commit of the run, and its time', async () => {
    const { names } = await named({ images: 'a/b' }, onBranch({ sha }))
    expect(names.labels.get(`${oci}revision`)).toBe(sha)
    expect(names.labels.get(`${oci}created`)).toBe('2026-11-23T10:00:00.000Z')
    expect(names.annotations.get(`${oci}revision`)).toBe(sha)
    const late = await named({ images: 'a/b' }, onBranch({ sha, commitDate: undefined }))
    expect(late.names.labels.get(`${oci}created`)).toBe('2026-11-24T12:00:00.000Z')
  })

  it.each<[tags: string, isVersion: boolean]>([
    ['type=ref,event=branch', false],
    ['type=raw,value=1.2.3', false],
    ['type=sha', true],
    ["type=raw,value=nightly-{{date 'YYYYMMDD'}}", true],
    ["type=raw,value=at-{{commit_date 'YYYYMMDD'}}", true],
    ['type=ref,event=branch\ntype=sha', false],
    ['type=ref,event=branch\ntype=sha,priority=900', true],
  ])('with %j, the version: %s', async (tags, isVersion) => {
    const { names } = await named({ images: 'a/b', tags }, onBranch())
    expect(names.ofCommit.labels.has(`${oci}version`)).toBe(isVersion)
    expect(names.ofCommit.annotations.has(`${oci}version`)).toBe(isVersion)
    expect(names.ofCommit.labels.has(`${oci}revision`)).toBe(true)
    expect(names.ofCommit.labels.has(`${oci}created`)).toBe(true)
    expect(names.ofCommit.labels.size).toBe(isVersion ? 3 : 2)
  })

  it('is nothing that the user wrote, even in the same words', async () => {
    const values = { images: 'a/b', labels: `${oci}revision=${sha}\nbuild={{sha}}`, annotations: `${oci}created=x` }
    const { names } = await named(values, onBranch({ sha }))
    expect([...names.ofCommit.labels]).toStrictEqual([`${oci}created`])
    expect([...names.ofCommit.annotations]).toStrictEqual([`${oci}revision`])
    expect(names.ofCommit.values).toStrictEqual(
      new Map([
        [`${oci}created`, '2026-11-23T10:00:00.000Z'],
        [`${oci}revision`, sha],
      ]),
    )
  })

  it('is that of the image where an earlier run has built it, and all else is as it is now', async () => {
    const { names } = await named({ images: 'a/b', tags: 'type=sha', labels: `a=1` }, onBranch({ sha }))
    const before = new Map([
      [`${oci}revision`, 'c'.repeat(40)],
      [`${oci}version`, 'sha-ccccccc'],
      ['a', '2'],
      ['other', '3'],
    ])
    const built = asBuilt(names, before)
    const changed = { [`${oci}revision`]: 'c'.repeat(40), [`${oci}version`]: 'sha-ccccccc' }
    expect(Object.fromEntries(built.labels)).toStrictEqual({ ...Object.fromEntries(names.labels), ...changed })
    expect(Object.fromEntries(built.annotations)).toStrictEqual({
      ...Object.fromEntries(names.annotations),
      ...changed,
    })
    expect(built.json.labels).toStrictEqual(Object.fromEntries(built.labels))
    expect(built.json.annotations).toContain(`manifest:${oci}version=sha-ccccccc`)
    expect(built.references).toStrictEqual(names.references)
    expect(built.version).toBe('sha-bbbbbbb')
  })
})
