import { getsWrong } from '../../../dockerfile/known-wrong.js'
import { formatReference } from '../../../metadata/reference.js'
import type { Pair } from '../../../runner/input-parsers.js'
import type { BuildRequest } from '../../engine.js'
import { each } from '../../flags.js'
import type { BuildPaths, BuildSetup } from './build-paths.js'

/** The flags for what the image is called, what is said of it, and where its files go; pure. */
export function resultArgs(request: BuildRequest, { buildah }: BuildSetup, { rootfs }: BuildPaths): string[] {
  const { references, labels, annotations } = request
  const pairs = (given: readonly Pair[]) => given.map(({ name, value }) => `${name}=${value}`)
  return [
    ...each('--label', pairs(literalLabels(labels, buildah.version))),
    ...each('--annotation', pairs(annotations)),
    ...each('--tag', references.map(formatReference)),
    ...(rootfs === undefined ? [] : ['--output', `type=tar,dest=${rootfs}`]),
  ]
}

/** Escapes labels, since Buildah expands variables in them: each `$` becomes an expansion that yields `$`. */
function literalLabels(labels: readonly Pair[], version: string): readonly Pair[] {
  if (!getsWrong('labelWithDollar', version)) return labels
  return labels.map(({ name, value }) => ({ name, value: value.replaceAll('$', '${__:-$}') }))
}
