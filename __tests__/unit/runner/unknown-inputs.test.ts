import { describe, expect, it, test } from '@jest/globals'
import { parse } from 'yaml'
import { describe as describeError } from '../../../src/errors.js'
import { INPUT_NAMES } from '../../../src/runner/input-table.js'
import { type Peer, PEER_INPUTS } from '../../../src/runner/peer-inputs.js'
import { checkUnknownInputs, judgeInputs } from '../../../src/runner/unknown-inputs.js'
import { logOf, refusal } from '../helpers.js'
import { text } from '../project/project-files.js'

const action = parse(text('action.yml')) as { readonly inputs: Readonly<Record<string, unknown>> }

/** Every input of the peers, by their action.yml. */
const PEERS: Readonly<Record<Peer, string>> = {
  'docker/build-push-action': `add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to
    call cgroup-parent context file labels load network no-cache no-cache-filters outputs platforms provenance pull push
    sbom secrets secret-envs secret-files shm-size ssh tags target ulimit github-token`,
  'docker/metadata-action': `context images tags flavor labels annotations sep-tags sep-labels sep-annotations
    bake-target github-token`,
  'docker/login-action': 'registry username password scope ecr logout registry-auth',
  'redhat-actions/buildah-build': `image tags labels annotations base-image containerfiles dockerfiles context content
    entrypoint layers port workdir envs build-args squash oci arch archs platform platforms extra-args tls-verify
    buildah-image disable-fuse-overlayfs`,
  'redhat-actions/push-to-registry': `image tags registry username password tls-verify digestfile sigstore-private-key
    sign-passphrase remote podman-args extra-args`,
  'redhat-actions/podman-login': 'registry username password logout auth_file_path',
}

const judge = (given: Readonly<Record<string, string>>, own = 'linux/amd64') =>
  judgeInputs(new Map(Object.entries(given)), INPUT_NAMES, own)

describe('the table of inputs of other actions', () => {
  test.each(Object.entries(PEERS) as [Peer, string][])('has what %s has and this action lacks', (peer, names) => {
    const lacking = names.split(/\s+/).filter((name) => !(name in action.inputs))
    const rows = PEER_INPUTS.filter(({ peers }) => peers.includes(peer)).map(({ name }) => name)
    expect([...rows].sort()).toStrictEqual([...lacking].sort())
  })

  it('has nothing that the action has, and each name once', () => {
    const names = PEER_INPUTS.map(({ name }) => name)
    expect(names.filter((name) => name in action.inputs)).toStrictEqual([])
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(PEER_INPUTS.map(({ name, instead }) => [name, instead] as const))(
    'says what to do about %s',
    (_, instead) => {
      expect(instead).toMatch(/^(Write|Remove it|Build|Use|Set|Log in)\b.*\.$/)
      // What it tells to write is something that the action has, or the job.
      for (const [, name = ''] of instead.matchAll(/`([a-z-]+): /g)) expect(['runs-on', ...INPUT_NAMES]).toContain(name)
    },
  )
})

describe('an input that would change the image', () => {
  it.each([
    ['platform', 'linux/arm64'],
    ['platform', 'linux/amd64/v3'],
    ['platform', 'linux/s390x'],
    ['archs', 'amd64, arm64'],
    ['arch', 'ppc64le'],
    ['attests', 'type=sbom\ntype=provenance,disabled=true'],
    ['allow', 'network.host,security.insecure'],
    ['call', 'check'],
    ['no-cache-filters', 'compile'],
    ['squash', 'true'],
    ['oci', 'false'],
    ['image', 'web'],
    ['containerfiles', './Containerfile'],
    ['dockerfiles', 'a\nb'],
    ['base-image', 'alpine:3'],
    ['content', 'bin/'],
    ['sigstore-private-key', 'key'],
  ])('%s: %j is refused', (name, given) => {
    const { refused, ignored } = judge({ [name]: given })
    expect(refused.map((one) => one.name)).toStrictEqual([name])
    expect(ignored).toStrictEqual([])
  })
})

describe('an input that changes nothing', () => {
  it.each([
    ['platform', 'linux/amd64'],
    ['platform', 'amd64'],
    ['platform', 'local'],
    ['platform', 'linux/amd64'],
    ['archs', 'amd64'],
    ['attests', 'type=provenance,disabled=true\ntype=sbom,disabled=true'],
    ['allow', 'network.host'],
    ['call', 'build'],
    ['cgroup-parent', '/ci'],
    ['layers', 'false'],
    ['squash', 'false'],
    ['oci', 'true'],
    ['sep-tags', ','],
    ['logout', 'true'],
    ['digestfile', 'digest.txt'],
    ['ecr', 'auto'],
  ])('%s: %j is ignored, with what to write instead', (name, given) => {
    const { refused, ignored } = judge({ [name]: given })
    expect(refused).toStrictEqual([])
    expect(ignored).toStrictEqual([{ name, advice: PEER_INPUTS.find((row) => row.name === name)?.instead }])
  })

  it.each([
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64', 'aarch64', true],
    ['linux/arm/v7', 'linux/arm', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['linux/arm64', 'linux/arm', false],
    ['linux/amd64', 'windows/amd64', false],
  ])('on %s, %s is the own platform: %s', (own, written, isOwn) => {
    expect(judge({ platform: written }, own).refused).toHaveLength(isOwn ? 0 : 1)
  })

  it('is one that has been moved to the input of this action', () => {
    expect(judge({ image: 'web', images: 'ghcr.io/acme/web' }).refused).toStrictEqual([])
    expect(judge({ dockerfiles: 'a\nb', file: 'a' }).refused).toStrictEqual([])
  })

  it('is one that the action has, whatever its text', () => {
    expect(judge({ tags: '1.2', 'build-args': 'A=1', 'cache-to': 'type=gha' })).toStrictEqual({
      refused: [],
      ignored: [],
    })
  })
})

describe('an input that nobody knows', () => {
  it.each([
    ['tag', 'Did you mean "tags"?'],
    ['build_args', 'Did you mean "build-args"?'],
    ['BUILD-ARG', 'Did you mean "build-args"?'],
    ['imagse', 'Did you mean "images"?'],
    ['pasword', 'Did you mean "password"?'],
    ['repository', 'Remove it, or look for its name in docs/inputs.md.'],
  ])('%s: %s', (name, advice) => {
    expect(judge({ [name]: 'hush' })).toStrictEqual({ refused: [], ignored: [{ name, advice }] })
  })
})

describe('checkUnknownInputs', () => {
  const environment = {
    INPUT_PLATFORM: 'linux/s390x',
    'INPUT_CACHE-FROM': 'type=gha',
    'INPUT_SEP-TAGS': ',',
    INPUT_IMAGE: 'ghcr.io/acme/web',
    INPUT_ENVS: 'TOKEN=hush-hush-hush',
    INPUT_TAG: 'hush-hush-hush',
    INPUT_CALL: ' ',
    OTHER: 'x',
  }

  it('gives one warning of what is ignored, then one error of what matters', async () => {
    let text = ''
    const log = await logOf(() => {
      text = describeError(
        refusal(() => {
          checkUnknownInputs(false, environment)
        }),
      )
    })
    expect(text).toBe(
      [
        'Input "platform": got "linux/s390x". This action doesn\'t have it, and ignoring it would change the image.',
        'Input "image": got "ghcr.io/acme/web". This action doesn\'t have it, and ignoring it would change the image.',
        'Input "envs". This action doesn\'t have it, and ignoring it would change the image.',
        '- "platform": Write `platforms: linux/s390x`.',
        '- "image": Write `images: ghcr.io/acme/web`, with the registry in front.',
        '- "envs": Write ENV in a Dockerfile, and name it in `file`.',
      ].join('\n'),
    )
    expect(log.match(/^::warning::/gm)).toHaveLength(1)
    expect(log).toContain('- "tag": Did you mean "tags"?')
    expect(log).toContain('- "sep-tags": Remove it')
    expect(`${text}${log}`).not.toContain('hush')
  })

  it('warns of all alone where act may hand over the inputs of a composite action', async () => {
    const log = await logOf(() => {
      checkUnknownInputs(true, environment)
    })
    expect(log.match(/^::warning::/gm)).toHaveLength(1)
    expect(log).toContain('- "platform": Write')
  })

  it('says nothing of inputs without a text', async () => {
    expect(
      await logOf(() => {
        checkUnknownInputs(false, { INPUT_PLATFORM: '', INPUT_TAGS: '1' })
      }),
    ).toBe('')
  })
})
