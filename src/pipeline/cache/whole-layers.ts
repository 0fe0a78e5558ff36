import gte from 'semver/functions/gte.js'
import type { ContainersStorage } from '../../build-storage.js'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { type Reading, readingOf } from '../../dockerfile/reading.js'
import type { StageKeys } from '../../dockerfile/step-keys.js'
import type { BuildSpec } from '../../engine/engine.js'
import { isForeign } from '../../runner/platform-inputs.js'
import { analysisOf } from '../../source/analysis.js'

/** Measured from this release on. */
const SINCE = '1.28.0'

/**
 * Why a build needs every layer whole, whatever its Dockerfile says, as a sentence without its full stop; undefined if it
 * may do without. Pure.
 */
export function whyWhole(
  { inputs, references, built }: Pick<BuildSpec, 'inputs' | 'references' | 'built'>,
  { layout, version }: Pick<ContainersStorage, 'layout' | 'version'>,
): string | undefined {
  if (inputs.skeletons === 'off') return '`skeletons` is off'
  if (!layout.startsWith('overlay-')) return `the layout ${layout} has other layers`
  if (!gte(version, SINCE)) return `Buildah ${version} is older than ${SINCE}`
  const isAsked: Readonly<Record<string, boolean>> = {
    push: !inputs.push || references.some(({ tag }) => tag === undefined),
    load: inputs.load,
    outputs: inputs.outputs.length > 0,
    test: inputs.tests.length > 0,
    sbom: inputs.sbom !== undefined,
    compression: inputs.compression !== undefined,
    timestamp: inputs.timestamp !== undefined,
    'extra-args': inputs.extraArgs.length > 0,
    'build-contexts': inputs.buildContexts.length > 0,
    platforms: built !== undefined || inputs.platforms.length > 1 || inputs.platforms.some(isForeign),
    'no-cache': inputs.noCache,
    pull: inputs.pull,
    'cache-mounts': inputs.cache.mounts,
  }
  const asked = Object.entries(isAsked).find(([, is]) => is)?.[0]
  return asked === undefined ? undefined : `\`${asked}\` may read them`
}

/**
 * What a build reads of the layers that are there; or why it needs all of them whole, as a sentence without its full stop.
 * Pure.
 * @param keys of `stepKeys`
 */
export function readingFor(
  spec: Pick<BuildSpec, 'inputs' | 'source' | 'references' | 'built'>,
  store: Pick<ContainersStorage, 'layout' | 'version' | 'env'>,
  keys: readonly StageKeys[],
): Reading | { readonly why: string } {
  const { inputs, source } = spec
  const why = whyWhole(spec, store)
  if (why !== undefined) return { why }
  const { dockerfile, target } = source
  return readingOf(analysisOf(inputs, dockerfile, store.env), keys, targetIndex(dockerfile, target))
}
