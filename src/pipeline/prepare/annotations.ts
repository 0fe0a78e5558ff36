import { formatPlatform, type Platform } from '../../lib/platform.js'
import { divideAnnotations, type DividedAnnotations, type LeveledAnnotation } from '../../metadata/annotation-levels.js'
import type { Labels } from '../../metadata/labels.js'
import type { NameContext } from '../../metadata/ref-context.js'
import type { Inputs } from '../../runner/inputs.js'

/** The annotations of an image. */
export interface Annotations {
  readonly annotations: Labels
  /** Of several platforms: what belongs to the index, or to the image of one of them. */
  readonly leveled: readonly LeveledAnnotation[]
}

type Asked = Pick<Inputs, 'annotations' | 'platforms' | 'distribute' | 'digests'>

/**
 * The annotations of the input, by what they belong to. A leg of one platform has its image in an index, too.
 * @throws UserError for a level that is none
 */
export function annotationsIn(inputs: Asked, names: NameContext): DividedAnnotations {
  const { annotations, platforms, distribute, digests } = inputs
  const isOfIndex = platforms.length > 1 || distribute || digests.length > 0
  return isOfIndex ? divideAnnotations(annotations, names) : { ofManifests: annotations, leveled: [] }
}

/** A sentence on annotations of manifests where none is written. Pure. */
export function idleAnnotations({ digests }: Asked, { ofManifests, leveled }: DividedAnnotations): string[] {
  if (digests.length === 0) return []
  const others = leveled.filter(({ level }) => level === 'manifest').map(({ name }) => name)
  // A comment is none.
  const own = ofManifests.flatMap((entry) => /^\s*([^\s#=][^=]*)=/.exec(entry)?.[1] ?? [])
  const all = [...own, ...others]
  if (all.length === 0) return []
  const [are, them] = all.length === 1 ? ['is', 'it'] : ['are', 'them']
  return [
    `annotations: ${all.join(', ')} ${are} of manifests, which are there already and stay as they are. For the index, write index: before ${them}.`,
  ]
}

/** The annotations of the manifest of one of several platforms. Pure. */
export function annotationsFor({ annotations, leveled }: Annotations, platform: Platform): Labels {
  const own = leveled.filter((one) => one.level === 'manifest' && one.platform === formatPlatform(platform))
  return new Map([...annotations, ...own.map(({ name, value }) => [name, value] as const)])
}

/** The annotations of an index, or of what names an image in it. Pure. @param platform that these are of; all where it is left out */
export function annotationsAt(
  { leveled }: Pick<Annotations, 'leveled'>,
  level: LeveledAnnotation['level'],
  platform?: Platform,
): { readonly annotations: Readonly<Record<string, string>> } {
  const isMeant = (one: LeveledAnnotation) =>
    one.level === level && (one.platform === undefined || (platform && formatPlatform(platform)) === one.platform)
  return { annotations: Object.fromEntries(leveled.filter(isMeant).map(({ name, value }) => [name, value])) }
}
