import lt from 'semver/functions/lt.js'
import { formatBuildArg } from '../../runner/build-arguments.js'
import type { Pair } from '../../runner/input-parsers.js'
import type { CountedInput } from '../../runner/input-table.js'
import { isForeign, targetPlatform } from '../../runner/platform-inputs.js'
import { formatSshKeys, type SshKeys } from '../../runner/ssh-keys.js'
import { formatReference } from '../../metadata/reference.js'
import { csv } from '../../lib/csv.js'
import { formatPlatform } from '../../lib/platform.js'
import { getsWrong } from '../../dockerfile/known-wrong.js'
import type { BuildRequest } from '../engine.js'
import { absoluteContext } from '../input-paths.js'
import { modeArgs, networkArgs } from './probe.js'
import type { SecretFile } from '../secret-files.js'
import { type BuildahSetup, dropInArgs, globalArgs, policyArgs } from './setup.js'

/** From this release on, at the latest, `--pull` takes a policy; before, it is a boolean. */
const PULL_IS_A_POLICY_SINCE = '1.28.0'
/** From this release on `--no-cache` works with `--layers`, as in the rebuild after a base image has changed. */
const NO_CACHE_WITH_LAYERS_SINCE = '1.28.0'
/** From this release on Buildah asks no registry for an image that the storage has. */
const PULLS_MISSING_ONLY_SINCE = '1.37.0'

/** Files, folders and contexts that are not among the inputs. */
const HIDING = /^(-[fv]|--(file|volume|build-arg-file|build-context|cpp-flag|env|ignorefile|target|hooks-dir)(=|$))/

/** The part of the setup that `buildArgs` needs. */
export type BuildSetup = Pick<BuildahSetup, 'buildah' | 'folder' | 'mode' | 'root' | 'context' | 'files'>

export interface BuildPaths {
  /** The archive of the image's files; undefined where no output asks for one. */
  readonly rootfs: string | undefined
  /** The contexts of the input, with a folder in place of each Git URL. */
  readonly contexts: readonly Pair[]
  readonly secrets: readonly SecretFile[]
  /** Path of the Dockerfile. */
  readonly file: string
  /** The keys of the input, with absolute paths. */
  readonly ssh: readonly SshKeys[]
  /** Path of the ignore file; undefined if there is none. */
  readonly ignore: string | undefined
}

/** What the flags of a build are made of. */
interface Build {
  readonly inputs: BuildRequest['inputs']
  readonly setup: BuildSetup
  readonly paths: BuildPaths
}

/** The flags for each input that is compared literally. `extra-args` comes last, so that it overrides the others. */
const INPUT_FLAGS: Readonly<Record<CountedInput, (build: Build) => readonly string[]>> = {
  secrets: ({ paths }) =>
    each(
      '--secret',
      paths.secrets.map(({ id, path }) => `id=${id},src=${path}`),
    ),
  ssh: ({ paths }) => each('--ssh', paths.ssh.map(formatSshKeys)),
  // The network belongs to it.
  isolation: ({ setup }) => modeArgs(setup.mode, setup.buildah.version),
  network: ({ setup }) => networkArgs(setup.folder.path, setup.buildah.version),
  'add-hosts': ({ inputs }) => each('--add-host', inputs.addHosts),
  'shm-size': ({ inputs }) => (inputs.shmSize === undefined ? [] : ['--shm-size', inputs.shmSize]),
  ulimit: ({ inputs }) => each('--ulimit', inputs.ulimit),
  'extra-args': ({ inputs }) => inputs.extraArgs,
}

/** The arguments of a build, from the global ones to the context folder; pure. */
export function buildArgs(request: BuildRequest, setup: BuildSetup, paths: BuildPaths): string[] {
  const { inputs, source, format } = request
  const contexts = paths.contexts.map((context) => absoluteContext(context, setup.context.workspace))
  return [
    ...globalArgs(setup),
    ...dropInArgs(setup),
    'build',
    ...['--file', csv(paths.file)],
    ...(paths.ignore === undefined ? [] : ['--ignorefile', paths.ignore]),
    ...(source.target === undefined ? [] : ['--target', source.target]),
    ...platformArgs(inputs),
    ...each('--build-arg', inputs.buildArgs.map(formatBuildArg)),
    ...each('--build-context', contexts),
    ...layersArgs(inputs.noCache, setup.buildah.version),
    ...['--format', format],
    ...reuseArgs(request, setup),
    ...policyArgs(setup),
    ...resultArgs(request, setup, paths),
    ...Object.values(INPUT_FLAGS).flatMap((flags) => flags({ inputs, setup, paths })),
    source.context,
  ]
}

/** Only of another platform is Buildah told: its own steps are the same then as without the input. */
function platformArgs(inputs: BuildRequest['inputs']): string[] {
  const platform = targetPlatform(inputs)
  return isForeign(platform) ? ['--platform', formatPlatform(platform)] : []
}

/** The flags for what is reused of earlier builds and pulled from registries. */
function reuseArgs(request: BuildRequest, { buildah, files }: BuildSetup): string[] {
  const { inputs } = request
  const pulls = pullsItself(request)
  return [
    ...(pulls ? ownPullArgs(inputs.pull, buildah.version) : [neverPull(buildah.version)]),
    ...(inputs.noCache ? ['--no-cache'] : []),
    ...(pulls ? ['--authfile', files.auth] : []),
  ]
}

function resultArgs(request: BuildRequest, { buildah }: BuildSetup, { rootfs }: BuildPaths): string[] {
  const { references, labels, annotations } = request
  const pairs = (given: readonly Pair[]) => given.map(({ name, value }) => `${name}=${value}`)
  return [
    ...each('--label', pairs(literalLabels(labels, buildah.version))),
    ...each('--annotation', pairs(annotations)),
    ...each('--tag', references.map(formatReference)),
    ...(rootfs === undefined ? [] : ['--output', `type=tar,dest=${rootfs}`]),
  ]
}

function each(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value])
}

/** Whether each step becomes an image. Before 1.28 Buildah refuses `--layers` together with `--no-cache`. */
function layersArgs(noCache: boolean, version: string): string[] {
  return noCache && lt(version, NO_CACHE_WITH_LAYERS_SINCE) ? [] : ['--layers']
}

/** Escapes labels, since Buildah expands variables in them: each `$` becomes an expansion that yields `$`. */
function literalLabels(labels: readonly Pair[], version: string): readonly Pair[] {
  if (!getsWrong('labelWithDollar', version)) return labels
  return labels.map(({ name, value }) => ({ name, value: value.replaceAll('$', '${__:-$}') }))
}

/** The first of the user's arguments that adds to the build what this action can't track; pure. */
export function hiddenArgument(extraArgs: readonly string[]): string | undefined {
  // A build argument without a value takes it from the environment.
  const isUnset = (argument: string, next = '') =>
    /^--build-arg=[^=]*$/s.test(argument) || (argument === '--build-arg' && !next.includes('='))
  return extraArgs.find((argument, index) => HIDING.test(argument) || isUnset(argument, extraArgs[index + 1]))
}

/**
 * Whether Buildah pulls what it needs while it builds, and so needs the login: one image is needed for two platforms, which
 * a storage can't have under one name. Pure.
 */
export function pullsItself({ images }: Pick<BuildRequest, 'images'>): boolean {
  const names = new Set(images.map(({ name }) => name))
  return names.size < images.length
}

/** What keeps a build from pulling; pure. */
function neverPull(version: string): string {
  return lt(version, PULL_IS_A_POLICY_SINCE) ? '--pull-never' : '--pull=never'
}

/**
 * The flags that make FROM check whether a tag has moved, even if the storage has an image of that name. Up to 1.36
 * Buildah does so by default.
 */
function ownPullArgs(always: boolean, version: string): string[] {
  if (always) return ['--pull-always']
  return lt(version, PULLS_MISSING_ONLY_SINCE) ? [] : ['--pull=newer']
}
