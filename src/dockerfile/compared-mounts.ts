import type { Analysis, Origin, StepAnalysis } from './analysis.js'
import { type FaultName, getsWrong } from './known-wrong.js'
import { EMPTY_MOUNTS, type Mount } from './mounts.js'

/**
 * What Buildah knows of the content of a mount when it looks for an earlier step:
 * `own`, it compares that itself; `digest`, it doesn't, and a digest of this path in the context must stand in;
 * `link`, it does, unless the path is a symbolic link: then it compares where the link points to and no more;
 * `unknown`, what it shows can't be known before the build.
 */
export type MountKnowledge =
  | { readonly kind: 'own' }
  | { readonly kind: 'digest' | 'link'; readonly source: string }
  | { readonly kind: 'unknown'; readonly why: string }

const OWN: MountKnowledge = { kind: 'own' }

/** What this Buildah knows of each mount of a step; pure. */
export function comparedMounts({ mounts }: StepAnalysis, buildah: string): MountKnowledge[] {
  return mounts.map((mount) => judge(mount, buildah))
}

/** Paths in the context of which this Buildah needs a digest, since it doesn't look at the content itself; pure. */
export function contextMounts(analysis: Analysis, buildah: string): string[] {
  return sources(analysis, buildah, 'digest')
}

/** Paths in the context of which this Buildah needs a digest where they are symbolic links; pure. */
export function linkMounts(analysis: Analysis, buildah: string): string[] {
  return sources(analysis, buildah, 'link')
}

function sources({ stages }: Analysis, buildah: string, kind: 'digest' | 'link'): string[] {
  const mounts = stages.flatMap(({ steps }) => steps.flatMap((step) => comparedMounts(step, buildah)))
  return [...new Set(mounts.flatMap((mount) => (mount.kind === kind ? [mount.source] : [])))]
}

function judge({ text, type, from, source, isReadable }: Mount<Origin>, buildah: string): MountKnowledge {
  if (type !== undefined && EMPTY_MOUNTS.has(type)) return OWN
  if (type === 'cache' && from === undefined) return OWN
  const unknown = (why: string): MountKnowledge => ({ kind: 'unknown', why: `--mount=${text}: ${why}` })
  if (!isReadable || source.includes('$') || (from !== undefined && 'unknown' in from))
    return unknown('only Buildah can read quotes and variables in a mount')
  // In all releases: `cacheMountOfStage`.
  if (type === 'cache') return unknown('the initial content of a cache mount is not compared')
  if (type !== undefined && type !== 'bind') return unknown('the mount type is unknown')
  if (from === undefined) return ofContext(source, type, buildah)
  // Of some releases that is so (`mountOfContext`), of some it is only that they never look it up.
  if (from.known.contexts.length > 0) return unknown('it mounts another build context')
  const fault = from.stages.length > 0 ? 'mountOfStage' : 'mount'
  return type === 'bind' && !getsWrong(fault, buildah)
    ? OWN
    : unknown(`Buildah ${buildah} does not compare what it mounts`)
}

function ofContext(source: string, type: string | undefined, buildah: string): MountKnowledge {
  // Where the type isn't written, it is bind.
  const faults: FaultName[] = type === undefined ? ['mount', 'mountWithoutType'] : ['mount']
  if (faults.some((fault) => getsWrong(fault, buildah))) return { kind: 'digest', source }
  return getsWrong('mountOfLink', buildah) ? { kind: 'link', source } : OWN
}
