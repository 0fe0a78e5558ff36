import lt from 'semver/functions/lt.js'
import { namesPlatforms, sharesSteps, stagesAtOnce } from '../../../dockerfile/stage-order.js'
import { targetIndex } from '../../../dockerfile/dockerfile.js'
import { analysisOf } from '../../../source/analysis.js'
import type { BuildRequest } from '../../engine.js'
import type { BuildSetup } from './build-paths.js'
import { pullsItself } from './reuse-args.js'

/** How many stages are built at once where the input doesn't say it. */
const DEFAULT_MOST = 4
/** From this release on a RUN under chroot isolation is confined by pivot_root: before, it reaches the root of another one. */
const CONFINES_CHROOT_SINCE = '1.39.0'
/** From this release on each stage has its own platform: before, they share one, which FROM changes for all of them. */
const PLATFORM_PER_STAGE_SINCE = '1.40.0'
/** From this release on a stage that looks for its steps passes over an image which another one is just making. */
const LOOKS_UP_SAFELY_SINCE = '1.44.0'

/** How many stages Buildah may build at once, and why not more. */
export interface Jobs {
  readonly count: number
  /** Why they are built one after the other though some are independent, as a clause; undefined where they aren't. */
  readonly why: string | undefined
}

/** How many stages of a build are built at once by this Buildah. Pure. */
export function jobsFor(
  { inputs, source, images }: Pick<BuildRequest, 'inputs' | 'source' | 'images'>,
  { buildah: { version }, mode }: Pick<BuildSetup, 'buildah' | 'mode'>,
): Jobs {
  const analysis = analysisOf(inputs, source.dockerfile, undefined)
  const target = targetIndex(source.dockerfile, source.target)
  const count = Math.min(inputs.jobs ?? DEFAULT_MOST, stagesAtOnce(analysis, target))
  if (count === 1) return { count, why: undefined }
  const isChroot =
    mode.isolation === 'chroot' || inputs.extraArgs.some((argument) => argument.startsWith('--isolation'))
  const facts = {
    isConfined: !isChroot || !lt(version, CONFINES_CHROOT_SINCE),
    hasOwnPlatforms: !namesPlatforms(analysis) || !lt(version, PLATFORM_PER_STAGE_SINCE),
    pulls: pullsItself({ images }),
    // Whoever asks for a number gets it: this only costs time.
    shares: inputs.jobs === undefined && sharesSteps(analysis, target),
  }
  const why = whyOne(facts)
  return why === undefined ? { count, why } : { count: 1, why }
}

function whyOne(
  facts: Readonly<Record<'isConfined' | 'hasOwnPlatforms' | 'pulls' | 'shares', boolean>>,
): string | undefined {
  if (!facts.isConfined)
    return `below ${CONFINES_CHROOT_SINCE}, a RUN step under chroot isolation can reach the files of another one`
  if (!facts.hasOwnPlatforms)
    return `below ${PLATFORM_PER_STAGE_SINCE}, stages that are built at once can get the platform of another one's FROM`
  if (facts.pulls) return 'one image is needed for two platforms, and has one name in the storage'
  if (facts.shares) return 'stages begin with the same steps, which would be built several times'
  return undefined
}

/** Whether a build failed only because stages were built at once. Pure. @param output what Buildah printed */
export function hasDisturbedItself(output: string, count: number, version: string): boolean {
  if (count === 1 || !lt(version, LOOKS_UP_SAFELY_SINCE)) return false
  return /: layer not known\s*$/.test(output.slice(Math.max(0, output.lastIndexOf('Error: '))))
}
