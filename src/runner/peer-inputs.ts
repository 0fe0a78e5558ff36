import { formatPlatform, parsePlatform } from '../lib/platform.js'

/** An action that this one replaces. */
export type Peer =
  | 'docker/build-push-action'
  | 'docker/metadata-action'
  | 'docker/login-action'
  | 'redhat-actions/buildah-build'
  | 'redhat-actions/push-to-registry'
  | 'redhat-actions/podman-login'

/** Where the step runs, and the other inputs that it was given. */
export interface Surroundings {
  /** What images are built for here: `linux/amd64`. */
  readonly platform: string
  /** The text of another input, '' where it isn't set. */
  readonly given: (name: string) => string
}

/** An input of a peer that this action doesn't have. */
export interface PeerInput {
  readonly name: string
  readonly peers: readonly Peer[]
  /** What to do, in Markdown; `…` stands for the text of the input. */
  readonly instead: string
  /** When leaving it out changes nothing of the image: always, never, or for some texts, and which in Markdown. */
  readonly harmless: 'always' | 'never' | { readonly says: string; readonly when: Harmless }
}

type Harmless = (text: string, surroundings: Surroundings) => boolean

const BUILD_PUSH = ['docker/build-push-action'] as const
const METADATA = ['docker/metadata-action'] as const
const LOGIN = ['docker/login-action'] as const
const BUILDAH_BUILD = ['redhat-actions/buildah-build'] as const
const PUSH_TO_REGISTRY = ['redhat-actions/push-to-registry'] as const

const PLATFORMS = 'Write `platforms: …`.'
const ARCHITECTURES = 'Write `platforms: linux/…`, with `linux/` before each, such as `linux/amd64,linux/arm64`.'
const ATTEST =
  'Write the attributes of each line, without `type=`, in the inputs `provenance` and `sbom`: `provenance: mode=min`, `sbom: true`.'
const ONE_FILE = 'Write `file: …`. A step builds one file.'
const IN_DOCKERFILE = 'in a Dockerfile, and name it in `file`.'
const ONE_PER_LINE = 'Remove it: the output has one entry per line.'
const SIGN = 'Remove it, and sign the pushed image in a later step (cosign), with the output `digest`.'

/**
 * Inputs of the actions that this one takes the place of, as far as it doesn't have them: what leaving them out does, and
 * what to write instead. The tables in docs/migrating.md are made of it.
 */
export const PEER_INPUTS: readonly PeerInput[] = [
  // docker/build-push-action
  row('allow', BUILD_PUSH, 'Remove it: RUN steps never get more privileges than a container has.', {
    says: 'if it is `network.host`',
    when: (text) => entriesOf(text).every((entry) => entry === 'network.host'),
  }),
  row('attests', BUILD_PUSH, ATTEST, {
    says: 'if each has `disabled=true`',
    when: (text) => linesOf(text).every((line) => isDisabled(line)),
  }),
  row('call', BUILD_PUSH, 'Remove it, and for `check` write `checks: error`: this action builds.', {
    says: 'if it is `build`',
    when: (text) => text === 'build',
  }),
  row('cgroup-parent', BUILD_PUSH, 'Remove it: RUN steps have the limits of the runner.', 'always'),
  row('no-cache-filters', BUILD_PUSH, 'Write `no-cache: true`, which rebuilds all stages.', 'never'),

  // docker/metadata-action
  row('bake-target', METADATA, 'Remove it: there is no bake file.', 'always'),
  row('sep-annotations', METADATA, ONE_PER_LINE, 'always'),
  row('sep-labels', METADATA, ONE_PER_LINE, 'always'),
  row('sep-tags', METADATA, ONE_PER_LINE, 'always'),

  // docker/login-action and redhat-actions/podman-login
  row('auth_file_path', ['redhat-actions/podman-login'], 'Set the variable REGISTRY_AUTH_FILE of the step.', 'always'),
  row('ecr', LOGIN, 'Log in with aws-actions/amazon-ecr-login in an earlier step.', {
    says: 'if it is `auto` or `false`',
    when: (text) => text === 'auto' || isDisabled(text),
  }),
  row('logout', [...LOGIN, 'redhat-actions/podman-login'], 'Remove it: the login ends with the step.', 'always'),
  row('scope', LOGIN, 'Remove it: the login ends with the step.', 'always'),

  // redhat-actions
  row('image', [...BUILDAH_BUILD, ...PUSH_TO_REGISTRY], 'Write `images: …`, with the registry in front.', {
    says: 'if `images` is set',
    when: (_text, { given }) => given('images') !== '',
  }),
  row('containerfiles', BUILDAH_BUILD, ONE_FILE, ifFile()),
  row('dockerfiles', BUILDAH_BUILD, ONE_FILE, ifFile()),
  row('layers', BUILDAH_BUILD, 'Remove it: layers are always cached.', 'always'),
  row('oci', BUILDAH_BUILD, 'Write `format: docker`, or `format: oci` for `true`.', {
    says: 'if it is `true`',
    when: (text) => text === 'true',
  }),
  row('squash', BUILDAH_BUILD, 'Remove it, or write `extra-args: --squash`.', {
    says: 'if it is `false`',
    when: (text) => text === 'false',
  }),
  row('arch', BUILDAH_BUILD, ARCHITECTURES, ifOwnArchitecture()),
  row('archs', BUILDAH_BUILD, ARCHITECTURES, ifOwnArchitecture()),
  row('platform', BUILDAH_BUILD, PLATFORMS, {
    says: 'if it is the platform of the runner',
    when: (text, { platform }) => isPlatform(text, platform),
  }),
  row('base-image', BUILDAH_BUILD, `Write \`FROM …\` ${IN_DOCKERFILE}`, 'never'),
  row('content', BUILDAH_BUILD, `Write COPY ${IN_DOCKERFILE}`, 'never'),
  row('entrypoint', BUILDAH_BUILD, `Write ENTRYPOINT ${IN_DOCKERFILE}`, 'never'),
  row('envs', BUILDAH_BUILD, `Write ENV ${IN_DOCKERFILE}`, 'never'),
  row('port', BUILDAH_BUILD, `Write EXPOSE ${IN_DOCKERFILE}`, 'never'),
  row('workdir', BUILDAH_BUILD, `Write WORKDIR ${IN_DOCKERFILE}`, 'never'),
  row('buildah-image', BUILDAH_BUILD, "Write `buildah-version: '>=1.37'` for a newer Buildah.", 'always'),
  row('disable-fuse-overlayfs', BUILDAH_BUILD, 'Write `storage-driver: overlay`.', 'always'),
  row('digestfile', PUSH_TO_REGISTRY, 'Use the output `digest`.', 'always'),
  row('podman-args', PUSH_TO_REGISTRY, 'Remove it: Podman is not used. There is an input `storage-driver`.', 'always'),
  row('remote', PUSH_TO_REGISTRY, 'Remove it: Podman is not used.', 'always'),
  row('sigstore-private-key', PUSH_TO_REGISTRY, SIGN, 'never'),
  row('sign-passphrase', PUSH_TO_REGISTRY, SIGN, 'never'),
]

function row(name: string, peers: PeerInput['peers'], instead: string, harmless: PeerInput['harmless']): PeerInput {
  return { name, peers, instead, harmless }
}

/** Whoever has moved to `file` may have left the old input behind. */
function ifFile(): PeerInput['harmless'] {
  return { says: 'if `file` is set', when: (_text, { given }) => given('file') !== '' }
}

function ifOwnArchitecture(): PeerInput['harmless'] {
  return {
    says: 'if it is the architecture of the runner',
    when: (text, { platform }) => entriesOf(text).every((entry) => isPlatform(`linux/${entry}`, platform)),
  }
}

function isPlatform(written: string, own: string): boolean {
  const platform = parsePlatform(written)
  return written === 'local' || (platform !== undefined && formatPlatform(platform) === own)
}

/** By the booleans of Go, which Buildx reads with, or as an attribute of an attestation. */
function isDisabled(text: string): boolean {
  return /^(0|f|false)$/i.test(text) || /(^|,)\s*disabled=(1|t|true)\s*(,|$)/i.test(text)
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function entriesOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== '')
}
