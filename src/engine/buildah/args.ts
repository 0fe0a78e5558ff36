import lt from 'semver/functions/lt.js'
import { formatBuildArg } from '../../runner/build-arguments.js'
import type { Pair } from '../../runner/input-parsers.js'
import { foreignPlatform } from '../../runner/platform-inputs.js'
import { formatReference } from '../../metadata/reference.js'
import { csv } from '../../lib/csv.js'
import { getsWrong } from '../../dockerfile/known-wrong.js'
import type { BuildRequest } from '../engine.js'
import { each } from '../flags.js'
import { absoluteContext } from '../input-paths.js'
import type { BuildPaths, BuildSetup } from './build-paths.js'
import { inputArgs } from './input-flags.js'
import { dropInArgs, globalArgs, policyArgs } from './setup.js'

/** From this release on, at the latest, `--pull` takes a policy; before, it is a boolean. */
const PULL_IS_A_POLICY_SINCE = '1.28.0'
/** From this release on `--no-cache` works with `--layers`, as in the rebuild after a base image has changed. */
const NO_CACHE_WITH_LAYERS_SINCE = '1.28.0'
/** From this release on Buildah asks no registry for an image that the storage has. */
const PULLS_MISSING_ONLY_SINCE = '1.37.0'

/** Files, folders and contexts that are not among the inputs. */
const HIDING = /^(-[fv]|--(file|volume|build-arg-file|build-context|cpp-flag|env|ignorefile|target|hooks-dir)(=|$))/

/** The arguments of a build, from the global ones to the context folder; pure. */
export function buildArgs(request: BuildRequest, setup: BuildSetup, paths: BuildPaths): string[] {
  const { inputs, source, format } = request
  const platform = foreignPlatform(inputs)
  const contexts = paths.contexts.map((context) => absoluteContext(context, setup.context.workspace))
  return [
    ...globalArgs(setup),
    ...otherStoreArgs(request, setup),
    ...dropInArgs(setup),
    'build',
    ...['--file', csv(paths.file)],
    ...(paths.ignore === undefined ? [] : ['--ignorefile', paths.ignore]),
    ...(source.target === undefined ? [] : ['--target', source.target]),
    // A build for the machine's own platform has the same steps as one without the input.
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...each('--build-arg', inputs.buildArgs.map(formatBuildArg)),
    ...each('--build-context', [...contexts, ...builtContexts(request)]),
    ...layersArgs(inputs.noCache, setup.buildah.version),
    ...['--format', format],
    ...reuseArgs(request, setup),
    ...policyArgs(setup),
    ...resultArgs(request, setup, paths),
    ...inputArgs({ inputs, setup, paths }),
    source.context,
  ]
}

/** What shows Buildah the images of stages that were built before, without a copy of them. */
function otherStoreArgs({ built }: BuildRequest, { mode }: BuildSetup): string[] {
  if (built === undefined) return []
  return ['--storage-opt', csv(`${mode.driver === 'vfs' ? 'vfs' : 'overlay'}.imagestore=${built.root}`)]
}

/** Those images in the place of the stages: by an id, Buildah takes one of any platform. */
function builtContexts({ built }: BuildRequest): string[] {
  return (built?.images ?? []).flatMap(({ calledAs, id }) =>
    calledAs.map((name) => `${name}=container-image://${id.replace('sha256:', '')}`),
  )
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
