import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { run } from '../../../src/pipeline/run.js'
import { contextOf, inputsOf, logOf, rejection, temporaryFolder } from '../helpers.js'
import { servicesOf } from './services.js'

/**
 * Runs the pass in a workspace where it can't come far: the context isn't there, which is seen before anything is
 * made. What is refused before that is refused by what the inputs say alone.
 */
async function refusedBy(values: Readonly<Record<string, string>>) {
  const temp = temporaryFolder()
  const context = contextOf({ workspace: temporaryFolder(), temp })
  const remembered: unknown[] = []
  const error = await rejection(
    run(
      inputsOf({ context: 'nowhere', ...values }),
      context,
      servicesOf({ remember: (state) => remembered.push(state) }),
    ),
  )
  // Nothing was made, and so there is nothing to remember.
  expect(remembered).toStrictEqual([])
  expect(readdirSync(temp)).toStrictEqual([])
  return error
}

describe('names that make no sense are refused before anything is made', () => {
  it.each<[string, Record<string, string>, RegExp, RegExp?]>([
    ['push without a name', { push: 'true' }, /Input "push" is true, and there is nothing to push/],
    ['push with tags, but without a name', { push: 'true', tags: '1.2' }, /Input "tags": the plain tag "1\.2" has no/],
    ['an image with a tag', { images: 'acme/web:1' }, /"?images"?/, /tags/],
    ['an image that is a URL', { images: 'https://ghcr.io/acme/web' }, /"?images"?/],
    ['a rule that is none', { images: 'acme/web', tags: 'type=x' }, /Input "tags": in the line "type=x"/, /semver/],
    ['a flavor that is none', { images: 'acme/web', flavor: 'x' }, /Input "flavor": in the line "x"/],
    ['a label without a name', { labels: '=x' }, /Input "labels": in the line "=x"/],
    ['an annotation of an index', { annotations: 'index:a=b' }, /Input "annotations": in the line "index:a=b"/],
    ['a full reference with a bad tag', { tags: 'acme/web:1:2' }, /"?tags"?/],
    ['a tag that appears twice', { images: 'acme/web', tags: '1\n2\n1' }, /tags.*twice|twice.*tags/],
    ['a reference by two of its names', { tags: 'acme/web:1\ndocker.io/acme/web:1' }, /Input "tags": .* and .*, for /],
    ['a reference with a digest', { tags: `acme/web@sha256:${'ab'.repeat(32)}` }, /Input "tags": .*digest/],
    ['a reference with and without its tag', { tags: 'acme/web\nacme/web:latest' }, /Input "tags": .* and .*, for /],
    ['a registry that is none', { registry: 'https://ghcr.io/acme' }, /"?registry"?/, /ghcr\.io/],
  ])('%s', async (_, values, message, hint = /^/) => {
    const error = await refusedBy(values)
    expect(error.message).toMatch(message)
    expect(describeError(error)).not.toContain('nowhere')
    expect(describeError(error)).toMatch(hint)
  })

  it('a login that could be for several registries', async () => {
    const login = { username: 'me', password: 'hunter2', push: 'true' }
    const error = await refusedBy({ ...login, images: 'acme/web\nghcr.io/acme/web' })
    expect(describeError(error)).toBe(
      'Input "registry" is missing: the names are in docker.io and ghcr.io, but "username" and "password" are for one registry.\n' +
        'Write `registry: docker.io`, or all logins into `registry-auth`.',
    )
  })

  it('a good one gets as far as the context that isn’t there', async () => {
    const values = { images: 'acme/web', tags: 'latest\nghcr.io/acme/web:1', registry: 'https://index.docker.io/v1/' }
    expect((await refusedBy(values)).message).toMatch(/^Input "context": got "nowhere"/)
  })
})

describe('what the disk says is refused before anything is made', () => {
  it.each([
    ['a target that isn’t in the Dockerfile', { target: 'final' }, /Input "target": got "final"/],
    ['annotations that the format has no place for', { annotations: 'a=1' }, /Input "annotations" can't be honoured/],
    ['a secret file that isn’t there', { 'secret-files': 'key=nowhere' }, /Input "secret-files"/],
  ])('%s', async (_, values, message) => {
    const workspace = temporaryFolder()
    const temp = join(workspace, 'temp')
    mkdirSync(temp)
    writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch AS base\nHEALTHCHECK NONE\n')
    let text = ''
    await logOf(async () => {
      const context = contextOf({ workspace, temp })
      text = describeError(await rejection(run(inputsOf(values), context, servicesOf())))
    })
    expect(text).toMatch(message)
    expect(readdirSync(temp)).toStrictEqual([])
  })
})
