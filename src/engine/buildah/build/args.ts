import { foreignPlatform } from '../../../runner/platform-inputs.js'
import { csv } from '../../../lib/csv.js'
import type { BuildRequest } from '../../engine.js'
import { each } from '../../flags.js'
import { absoluteContext } from '../../input-paths.js'
import { argumentsOf } from './build-arguments.js'
import type { BuildPaths, BuildSetup } from './build-paths.js'
import { inputArgs } from './input-flags.js'
import { jobsFor } from './jobs.js'
import { resultArgs } from './result-args.js'
import { layersArgs, reuseArgs } from './reuse-args.js'
import { dropInArgs, globalArgs, policyArgs } from '../setup.js'

/** Files, folders and contexts that are not among the inputs. */
const HIDING = /^(-[fv]|--(file|volume|build-arg-file|build-context|cpp-flag|env|ignorefile|target|hooks-dir)(=|$))/

/** The arguments of a build, from the global ones to the context folder; pure. */
export function buildArgs(request: BuildRequest, setup: BuildSetup, paths: BuildPaths): string[] {
  const { inputs, source, format } = request
  const platform = foreignPlatform(inputs)
  const jobs = jobsFor(request, setup).count
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
    ...each('--build-arg', argumentsOf(request, setup.buildah.version)),
    ...each('--build-context', [...contexts, ...builtContexts(request)]),
    ...layersArgs(inputs.noCache, setup.buildah.version),
    ...['--format', format],
    ...reuseArgs(request, setup),
    ...policyArgs(setup),
    ...(jobs === 1 ? [] : ['--jobs', String(jobs)]),
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

/** The first of the user's arguments that adds to the build what this action can't track; pure. */
export function hiddenArgument(extraArgs: readonly string[]): string | undefined {
  // A build argument without a value takes it from the environment.
  const isUnset = (argument: string, next = '') =>
    /^--build-arg=[^=]*$/s.test(argument) || (argument === '--build-arg' && !next.includes('='))
  return extraArgs.find((argument, index) => HIDING.test(argument) || isUnset(argument, extraArgs[index + 1]))
}
