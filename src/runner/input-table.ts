import { buildArgs } from './build-arguments.js'
import { type CacheOptions, readCacheOptions } from './cache-inputs.js'
import { IMAGE_INPUTS } from './image-rows.js'
import { buildContexts, context } from './context-inputs.js'
import { input, type InputSpec, partOf } from './input-spec.js'
import { isFiles, outputFiles } from './output-files.js'
import { login, NO_MIRRORS, NO_SCOPES, registryAuth, registryMirrors } from './registry-inputs.js'
import { RUN_STEP_INPUTS } from './run-step-rows.js'
import { digests, isForeign, platforms } from './platform-inputs.js'
import { buildSecrets, gitToken } from './secret-inputs.js'
import { sshKeys } from './ssh-keys.js'
import { buildahVersion, builderName, entries, isGiven, oneALine, oneOf, text, whether } from './value-parsers.js'

export const SET_UP_BUILDX =
  'Set up Docker Buildx with its own builder in an earlier step (docker/setup-buildx-action).'

const IN_DAEMON = ['buildx-docker'] as const
const BY_ALL = ['buildx', 'buildx-docker'] as const
const ONLY_BUILDAH = {
  refusedBy: BY_ALL,
  why: 'has no equivalent',
  hint: 'Leave it out, or write `engine: buildah`.',
}

/** Every input, in the order of action.yml, with the field of the parsed inputs that its value is in. */
export const INPUTS = {
  // Common
  images: input('images', oneALine, { affects: 'nothing' }),
  // The default labels have the version, which is the first tag.
  tags: input('tags', oneALine, { affects: 'image', countsAs: 'labels' }),
  push: input('push', whether(false), { affects: 'nothing' }),
  registry: input('registry', text, { affects: 'nothing' }),
  username: input('login', login, { affects: 'nothing' }),
  password: partOf('login', { affects: 'nothing' }),
  'registry-auth': input('registryAuth', registryAuth, {
    affects: 'nothing',
    docker: { refusedBy: BY_ALL, ...NO_SCOPES },
  }),
  context: input('context', context, { affects: 'image', countsAs: 'context' }),
  file: input('file', text, { affects: 'image', countsAs: 'Dockerfile' }),
  target: input('target', text, { affects: 'image', countsAs: 'target' }),
  // Each platform is a build with a cache of its own.
  platforms: input('platforms', platforms, {
    affects: 'run-steps',
    countsAs: 'platform',
    buildah: { since: '1.28.0', asks: (all) => all.some(isForeign) },
    docker: {
      refusedBy: IN_DAEMON,
      asks: (all) => all.length > 1,
      example: 'linux/amd64,linux/arm64',
      why: 'builds one platform at a time',
      hint: SET_UP_BUILDX,
    },
  }),
  distribute: input('distribute', whether(false), {
    affects: 'nothing',
    docker: {
      refusedBy: IN_DAEMON,
      asks: (distribute) => distribute,
      example: 'true',
      why: 'pushes no image without a tag',
      hint: SET_UP_BUILDX,
    },
  }),
  // The key of a step has those that the step sees.
  'build-args': input('buildArgs', buildArgs, { affects: 'run-steps', countsAs: 'build arguments' }),
  // Values don't count, as they don't for any cache; a step without its secret is another step.
  secrets: input('secrets', buildSecrets, {
    affects: 'image',
    counts: (secrets) => secrets.map(({ id }) => id).sort(),
  }),
  cache: input('cache', readCacheOptions, { affects: 'nothing' }),

  // Build
  'build-contexts': input('buildContexts', buildContexts, {
    affects: 'image',
    countsAs: 'build contexts',
    buildah: { since: '1.27.0', asks: (contexts) => contexts.length > 0 },
  }),
  'secret-envs': partOf('secrets', { affects: 'image', countsAs: 'secrets' }),
  'secret-files': partOf('secrets', { affects: 'image', countsAs: 'secrets' }),
  ssh: input('ssh', sshKeys, {
    affects: 'image',
    counts: (keys) => keys.map(({ id }) => id).sort(),
    buildah: { since: '1.23.0', asks: (keys) => keys.length > 0 },
  }),
  'github-token': input('githubToken', gitToken, { affects: 'nothing' }),
  // These two decide whether something is built, not what.
  // It has the same images.
  'registry-mirrors': input('registryMirrors', registryMirrors, {
    affects: 'nothing',
    docker: { refusedBy: BY_ALL, ...NO_MIRRORS },
  }),
  pull: input('pull', whether(false), { affects: 'nothing' }),
  'no-cache': input('noCache', whether(false), {
    affects: 'nothing',
    buildah: { since: '1.28.0', asks: (noCache) => noCache },
  }),
  ...RUN_STEP_INPUTS,

  // Tags, labels and output
  flavor: input('flavor', oneALine, { affects: 'image', countsAs: 'labels' }),
  labels: input('labels', entries, { affects: 'image', countsAs: 'labels' }),
  annotations: input('annotations', entries, {
    affects: 'image',
    countsAs: 'annotations',
    docker: {
      refusedBy: IN_DAEMON,
      asks: (annotations) => annotations.length > 0,
      example: 'org.acme.team=web',
      why: "writes images in Docker's format, which has no annotations",
      hint: `Use labels. ${SET_UP_BUILDX}`,
    },
  }),
  format: input('format', oneOf('auto', 'oci', 'docker'), {
    affects: 'image',
    countsAs: 'format',
    docker: {
      refusedBy: IN_DAEMON,
      asks: (format) => format === 'oci',
      example: 'oci',
      why: "writes images in Docker's format",
      hint: `Write \`format: auto\`. ${SET_UP_BUILDX}`,
    },
  }),
  ...IMAGE_INPUTS,
  load: input('load', whether(false), { affects: 'nothing' }),
  outputs: input('outputs', outputFiles, {
    affects: 'nothing',
    buildah: { since: '1.26.0', asks: (outputs) => outputs.some(isFiles) },
    docker: {
      refusedBy: IN_DAEMON,
      asks: (outputs) => outputs.some(({ type }) => type === 'oci'),
      example: 'type=oci,dest=image.tar',
      why: "writes images in Docker's format",
      hint: `Write \`type=docker,dest=…\`. ${SET_UP_BUILDX}`,
    },
  }),
  digests: input('digests', digests, { affects: 'nothing' }),
  'tls-verify': input('tlsVerify', whether(true), { affects: 'nothing' }),
  'dry-run': input('dryRun', whether(false), { affects: 'nothing' }),
  summary: input('summary', whether(true), { affects: 'nothing' }),

  // Cache
  unchanged: input('unchanged', oneOf('skip', 'build'), { affects: 'nothing' }),
  skeletons: input('skeletons', oneOf('auto', 'off'), { affects: 'nothing' }),
  'cache-from': partOf('cache', { affects: 'nothing' }),
  'cache-to': partOf('cache', { affects: 'nothing' }),
  'cache-scope': partOf('cache', { affects: 'nothing' }),
  'cache-dir': partOf('cache', { affects: 'nothing' }),
  'cache-max-size': partOf('cache', { affects: 'nothing' }),
  'cache-ttl': partOf('cache', { affects: 'nothing' }),
  'cache-write': partOf('cache', { affects: 'nothing' }),
  'cache-deadline': partOf('cache', { affects: 'nothing' }),
  'cache-mounts': partOf<CacheOptions>('cache', {
    affects: 'nothing',
    docker: {
      refusedBy: BY_ALL,
      asks: ({ mounts }) => mounts,
      example: 'true',
      why: "doesn't export the content of its cache mounts",
      hint: 'Leave it out: they stay in the builder for as long as it exists.',
    },
  }),

  // Engine
  engine: input('engine', oneOf('auto', 'buildah', 'docker'), { affects: 'image', countsAs: 'engine' }),
  builder: input('builder', builderName, { affects: 'image', countsAs: 'engine' }),
  rootless: input('rootless', oneOf('prefer', 'require', 'off'), { affects: 'nothing' }),
  'rootless-user': input('rootlessUser', text, {
    affects: 'nothing',
    docker: { ...ONLY_BUILDAH, asks: isGiven, example: 'builder', why: 'builds as the user of its daemon' },
  }),
  'buildah-version': input('buildahVersion', buildahVersion, {
    affects: 'image',
    countsAs: 'engine',
    docker: { ...ONLY_BUILDAH, asks: isGiven, example: '>=1.37' },
  }),
  'buildah-manifest': input('buildahManifest', text, {
    affects: 'image',
    countsAs: 'engine',
    docker: { ...ONLY_BUILDAH, asks: isGiven, example: 'manifest.json' },
  }),
  'storage-driver': input('storageDriver', oneOf('auto', 'overlay', 'fuse-overlayfs', 'vfs'), {
    affects: 'nothing',
    docker: { ...ONLY_BUILDAH, asks: (driver) => driver !== 'auto', example: 'overlay' },
  }),
  isolation: input('isolation', oneOf('auto', 'oci', 'rootless', 'chroot'), {
    affects: 'run-steps',
    counts: (isolation) => [isolation],
    docker: { ...ONLY_BUILDAH, asks: (isolation) => isolation !== 'auto', example: 'chroot' },
  }),
  // It decides whether something is built, not what.
  emulation: input('emulation', oneOf('auto', 'off'), {
    affects: 'nothing',
    docker: {
      ...ONLY_BUILDAH,
      asks: (emulation) => emulation === 'off',
      example: 'off',
      why: 'emulates with whatever its builder has',
    },
  }),
  sandbox: input('sandbox', oneOf('auto', 'require', 'off'), {
    affects: 'nothing',
    docker: { ...ONLY_BUILDAH, asks: (sandbox) => sandbox === 'require', example: 'require' },
  }),
} satisfies Readonly<Record<string, InputSpec>>

type Rows = typeof INPUTS

export type InputName = keyof Rows

export const INPUT_NAMES = Object.keys(INPUTS) as readonly InputName[]

export const INPUT_ROWS = Object.entries(INPUTS) as readonly (readonly [InputName, InputSpec])[]

/** Those whose own texts are compared. Engines get them as they are. */
export type CountedInput = {
  [N in InputName]: Rows[N] extends { readonly counts: unknown } ? N : never
}[InputName]

type Parsed = Extract<Rows[InputName], { readonly parse: unknown }>

/** The values of all inputs, each checked for itself; nothing here has looked at the disk yet. */
export type InputValues = { readonly [R in Parsed as R['field']]: ReturnType<R['parse']> }
