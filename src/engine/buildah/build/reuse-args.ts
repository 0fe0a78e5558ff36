import lt from 'semver/functions/lt.js'
import type { BuildRequest } from '../../engine.js'
import type { BuildSetup } from './build-paths.js'

/** From this release on, at the latest, `--pull` takes a policy; before, it is a boolean. */
const PULL_IS_A_POLICY_SINCE = '1.28.0'
/** From this release on `--no-cache` works with `--layers`, as in the rebuild after a base image has changed. */
const NO_CACHE_WITH_LAYERS_SINCE = '1.28.0'
/** From this release on Buildah asks no registry for an image that the storage has. */
const PULLS_MISSING_ONLY_SINCE = '1.37.0'

/** The flags for what is reused of earlier builds and pulled from registries; pure. */
export function reuseArgs(request: BuildRequest, { buildah, files }: BuildSetup): string[] {
  const { inputs } = request
  const pulls = pullsItself(request)
  return [
    ...(pulls ? ownPullArgs(inputs.pull, buildah.version) : [neverPull(buildah.version)]),
    ...(inputs.noCache ? ['--no-cache'] : []),
    ...(pulls ? ['--authfile', files.auth] : []),
  ]
}

/** Whether each step becomes an image. Before 1.28 Buildah refuses `--layers` together with `--no-cache`. Pure. */
export function layersArgs(noCache: boolean, version: string): string[] {
  return noCache && lt(version, NO_CACHE_WITH_LAYERS_SINCE) ? [] : ['--layers']
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
