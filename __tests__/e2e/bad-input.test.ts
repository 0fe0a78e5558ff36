import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, describe, expect, jest, test } from '@jest/globals'
import gte from 'semver/functions/gte.js'

import { fail } from '../harness/clean-step.js'
import { type Files, makeWorkspace, removeFolders } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { withCovered } from '../harness/surroundings.js'
import { casesOfSet } from '../harness/test-set.js'

jest.setTimeout(300_000)

afterAll(removeFolders)

type Inputs = Readonly<Record<string, string>>
/** What is wrong, the inputs, and parts of the error. */
type Case = readonly [what: string, inputs: Inputs, ...parts: (string | RegExp)[]]

const files: Files = {
  Dockerfile: 'FROM scratch AS compile\nCOPY a /a\nFROM scratch AS ship\nCOPY --from=compile /a /a\n',
  a: 'a',
  'web/Dockerfile': 'FROM scratch\nCOPY a /a\n',
  'health/Dockerfile': 'FROM scratch\nCOPY a /a\nHEALTHCHECK CMD ["/a"]\n',
}

const got = (name: string, value: string): string => `Input "${name}": got ${JSON.stringify(value)}`

/** Refused for what they say, whatever is on the disk. */
const texts: readonly Case[] = [
  ...(
    [
      ['network', 'bridge', 'default, none, host'],
      ['format', 'v2s2', 'auto, oci, docker'],
      ['engine', 'podman', 'auto, buildah, docker'],
      ['storage-driver', 'btrfs', 'auto, overlay, fuse-overlayfs, vfs'],
      ['isolation', 'docker', 'auto, oci, rootless, chroot'],
      ['rootless', 'true', 'prefer, require, off'],
    ] as const
  ).map(([name, value, allowed]): Case => [
    `${name}: ${value}`,
    { [name]: value },
    got(name, value),
    `Allowed: ${allowed}.`,
  ]),
  ...['push', 'load', 'pull', 'no-cache', 'tls-verify'].map((name): Case => [
    `${name}: yes`,
    { [name]: 'yes' },
    got(name, 'yes'),
    'Allowed: true, false.',
  ]),
  ['an image with a tag', { images: 'ghcr.io/acme/web:1' }, 'Input "images"', '"ghcr.io/acme/web:1"', /tag/],
  ['two tags in a line', { images: 'acme/web', tags: '1,2' }, 'Input "tags"', 'there are 2 tags', '\n  1\n  2'],
  [
    'two tags with white space between',
    { images: 'acme/web', tags: 'latest 1.0' },
    'Input "tags"',
    '\n  latest\n  1.0',
  ],
  [
    'a registry with a path',
    { images: 'web', registry: 'ghcr.io/acme' },
    'Input "registry"',
    '`images: ghcr.io/acme/web`',
  ],
  ['an account that is empty', { images: 'docker.io//web' }, 'Input "images"', '"docker.io//web"', 'variable'],
  ['an image that is a URL', { images: 'https://ghcr.io/acme/web' }, 'Input "images"', '"https://ghcr.io/acme/web"'],
  ['a rule of an unknown type', { images: 'acme/web', tags: 'type=sem' }, 'Input "tags"', '"type=sem"', 'semver'],
  ['a rule that lacks something', { images: 'acme/web', tags: 'type=ref' }, 'Input "tags"', 'type=ref,event=branch'],
  ['an unknown expression', { images: 'acme/web', tags: 'a-{{brunch}}' }, 'Input "tags"', '{{brunch}}', 'branch, tag'],
  ['a flavor of something else', { images: 'acme/web', flavor: 'newest=true' }, 'Input "flavor"', 'latest=…'],
  ['a tag of two lines', { images: 'acme/web', tags: '"1.2\n3"' }, 'Input "tags"', /quote/],
  [
    'a digest for a tag',
    { tags: `acme/web@sha256:${'0'.repeat(64)}`, push: 'true' },
    'Input "tags"',
    '@sha256:000',
    /digest/,
  ],
  ['the same tag twice', { images: 'acme/web', tags: '1.2\n1.3\n1.2' }, 'Input "tags"', '1.2', /twice/],
  ['two spellings of one reference', { tags: 'acme/web:1\ndocker.io/acme/web:1' }, 'Input "tags"', 'acme/web', /and/],
  [
    'a push of nothing',
    { push: 'true' },
    'Input "push" is true',
    'Write the name of the image: `images: ghcr.io/${{ github.repository }}`',
    'images',
  ],
  ['a quote that is not closed', { labels: '"a=b\nc=d' }, 'Input "labels"', "a quoted entry isn't closed"],
  ['text behind a quoted entry', { 'build-args': '"A=1" and more' }, 'Input "build-args"'],
  ['a label without a name', { labels: '=b' }, 'Input "labels"', '"=b"', 'name=value'],
  ['a build argument without a name', { 'build-args': '1ST=x' }, got('build-args', '1ST=x'), 'NAME=value'],
  ['a host without an address', { 'add-hosts': 'db' }, got('add-hosts', 'db'), 'name:address'],
  ['a size in words', { 'shm-size': 'large' }, got('shm-size', 'large'), '256m'],
  ['a limit without a value', { ulimit: 'nofile' }, got('ulimit', 'nofile'), 'nofile=1024:2048'],
  ['an output of another kind', { outputs: 'type=registry' }, got('outputs', 'type=registry'), '`push: true`'],
  ['a range that is none', { 'buildah-version': 'newest' }, got('buildah-version', 'newest'), '`>=1.37`'],
  ['a user without a password', { username: 'ada', push: 'true' }, 'Input "password" is missing', '"ada"', 'secrets.'],
  ['a password without a user', { password: 'hush-hush-hush' }, 'Input "username" is missing'],
  [
    'one login and two registries',
    { images: 'ghcr.io/acme/web\nquay.io/acme/web', push: 'true', username: 'ada', password: 'hush-hush-hush' },
    'Input "registry" is missing',
    'ghcr.io and quay.io',
    '`registry: ghcr.io`',
  ],
  ['a secret without a value', { secrets: 'hush-hush-hush' }, 'Input "secrets"', 'id=value'],
  ['a secret with an id of two lines', { secrets: '"to\nken=hush-hush-hush"' }, 'Input "secrets"', 'id=value'],
  ['a secret twice', { secrets: 'a=hush-hush-hush', 'secret-files': 'a=a' }, '"a" is given twice'],
  [
    'a variable that isn’t set',
    { 'secret-envs': 'a=NO_SUCH' },
    'Input "secret-envs"',
    '`NO_SUCH: ${{ secrets.NO_SUCH }}`',
  ],
  [
    'annotations in the format docker',
    { annotations: 'a=b', format: 'docker' },
    'Input "annotations"',
    '`format: oci`',
  ],
  ['an account, without root', { 'rootless-user': 'builder' }, got('rootless-user', 'builder'), "doesn't run as root"],
]

/** Refused for what is on the disk, and so later. */
const places: readonly Case[] = [
  ['a context that isn’t there', { context: 'none' }, got('context', 'none'), 'actions/checkout'],
  ['a context that is a file', { context: 'a' }, got('context', 'a')],
  ['a context at two commits', { context: 'https://example.com/w.git?ref=a&tag=b' }, 'Behind ? goes one of'],
  ['a context that is an archive’s URL', { context: 'https://example.com/web.tgz' }, 'end with .git'],
  ['a Dockerfile that isn’t there', { file: 'None' }, got('file', 'None'), /Looked for:\n {2}\/\S+\/None/],
  [
    'a Dockerfile relative to the context',
    { context: 'web', file: './Dockerfile.web' },
    got('file', './Dockerfile.web'),
  ],
  ['a target that isn’t there', { target: 'shop' }, got('target', 'shop'), 'Its stages: compile, ship.'],
  ['a secret file that isn’t there', { 'secret-files': 'id=none' }, 'Input "secret-files"', /\/none, doesn't exist/],
  ['a build context that isn’t there', { 'build-contexts': 'more=./none' }, 'Input "build-contexts"', '"./none"'],
  ['a key that isn’t there', { ssh: 'deploy=./none' }, 'Input "ssh"', '/none'],
  [
    'annotations and a HEALTHCHECK',
    { context: 'health', annotations: 'a=b' },
    'Input "annotations"',
    'HEALTHCHECK in line 3 of the Dockerfile',
  ],
]

/** One error, that says this, and not a trace of anything else. */
async function expectRefused(options: StepOptions, parts: readonly (string | RegExp)[]): Promise<void> {
  const { error, log, post, state, outputs } = await fail(options)
  for (const part of parts) {
    if (typeof part === 'string') expect(error).toContain(part)
    else expect(error).toMatch(part)
  }
  expect(log).not.toMatch(/^(Engine:|Installing|::group::)/m)
  expect(log.replaceAll(/^::add-mask::.*$/gm, '')).not.toContain('hush')
  expect({ state, outputs }).toStrictEqual({ state: {}, outputs: {} })
  expect(post?.log).toContain('Nothing to remove')
}

/** One of a text, one of a secret, and one of the disk; all are in the tables of the unit tests as well. */
const ordinary = ['a push of nothing', 'a secret without a value', 'a context that isn’t there']

test.each(casesOfSet([...texts, ...places], ([what]) => ordinary.includes(what)))(
  '%s',
  async (_what, inputs, ...parts) => {
    await expectRefused({ inputs, workspace: files }, parts)
  },
)

test('an input of another action that the image would lack is an error, before anything starts', async () => {
  const env = {
    INPUT_ATTESTS: 'type=sbom',
    'INPUT_SEP-TAGS': ',',
    INPUT_TAG: 'hush-hush-hush',
  }
  const parts = ['Input "attests": got "type=sbom"', '`sbom: true`']
  await expectRefused({ inputs: { images: 'acme/web' }, env, workspace: files }, parts)
})

describe('when root runs the step, no account is made for it:', () => {
  /** A machine that has no account for builds yet, nor a way to make one: that would be another error. */
  function withoutAccount(): StepOptions['within'] & object {
    const passwd = readFileSync('/etc/passwd', 'utf8').replace(/^rootless-build:.*\n/m, '')
    const programs = ['/usr/sbin/useradd', '/usr/sbin/adduser'].map((path) => [path, '/dev/null'] as const)
    return withCovered({ '/etc/passwd': join(makeWorkspace({ passwd }), 'passwd'), ...Object.fromEntries(programs) })
  }

  testUnless(rootReason)('one error for each mistake', async () => {
    const within = withoutAccount()
    for (const [, inputs, ...parts] of casesOfSet(places, (_, index) => index === 0))
      await expectRefused({ inputs, workspace: files, as: 'root', within }, parts)
    const nobody = { 'rootless-user': 'no-such-user' }
    const part = `${got('rootless-user', 'no-such-user')}, but this machine has no such user`
    await expectRefused({ inputs: nobody, workspace: files, as: 'root', within }, [part])
    // Without a mistake, the account is missed.
    const { error } = await fail({ inputs: {}, workspace: files, as: 'root', within })
    expect(error).toContain('neither useradd nor adduser is installed')
  })
})

describe('a Dockerfile that this Buildah is too old for', () => {
  const found = /version (\d+\.\d+\.\d+)/.exec(execFileSync('buildah', ['--version']).toString())?.[1] ?? ''
  const needed = '1.44.0'
  const recent = gte(found, needed)
    ? `this machine has Buildah ${found}, which can do all that is known here`
    : undefined

  testUnless(recent)('names the line, what is in it, and both versions', async () => {
    const dockerfile = 'FROM scratch\nCOPY a /a\n\nRUN --mount=type=secret,id=token,env=TOKEN ["/a"]\n'
    // Without a package manager on PATH, there is nothing to install a newer one with.
    const { error, log } = await fail({
      inputs: {},
      workspace: { Dockerfile: dockerfile, a: 'a' },
      env: { PATH: '/nowhere' },
    })
    expect(error).toMatch(
      new RegExp(`Buildah ${found.replaceAll('.', '\\.')} \\(/\\S+/buildah\\) doesn't meet the requirements`),
    )
    expect(error).toContain('Dockerfile line 4: RUN with --mount=type=secret with env')
    expect(error).toContain(`needs Buildah ${needed}`)
    expect(error).toContain('"buildah-manifest"')
    expect(log).not.toMatch(/^(Engine:|Installing|::group::)/m)
  })
})
