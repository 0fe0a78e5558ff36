import { UserError } from '../errors.js'
import { formatPlatform, parsePlatform } from '../lib/platform.js'
import { quote } from '../lib/quote.js'
import { atLine } from './csv-line.js'
import { readEntry } from './labels.js'
import { globalExpressions, type NameContext } from './ref-context.js'

/** An annotation of an image of several platforms that isn't one of all their manifests. */
export interface LeveledAnnotation {
  readonly level: Level
  /** `linux/arm64`, of which it is; undefined for all. */
  readonly platform: string | undefined
  readonly name: string
  readonly value: string
}

const LEVELS = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const
type Level = (typeof LEVELS)[number]

/** A place before an annotation, `manifest-descriptor[linux/arm64]`, of which several may be given with commas. */
const PLACE = /^(manifest|index|manifest-descriptor|index-descriptor)(?:\[([^\]]*)\])?$/
const PLACES = /^((?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?(?:,[^:=]*)?):(.*)$/s

/** Entries of the input `annotations` for an image of several platforms. */
export interface DividedAnnotations {
  /** Those of the manifests of all platforms, each `name=value`. */
  readonly ofManifests: readonly string[]
  readonly leveled: readonly LeveledAnnotation[]
}

/**
 * Divides the entries by the places that stand before them, as in `index,manifest[linux/arm64]:name=value`; one without a
 * place belongs to the manifest of each platform.
 * @throws UserError that shows the entry
 */
export function divideAnnotations(entries: readonly string[], context: NameContext): DividedAnnotations {
  const expressions = globalExpressions(context)
  const ofManifests: string[] = []
  const leveled: LeveledAnnotation[] = []
  for (const entry of entries) {
    const [, written, rest = ''] = PLACES.exec(entry) ?? []
    if (written === undefined) {
      ofManifests.push(entry)
      continue
    }
    atLine('annotations', entry, () => {
      for (const place of written.split(',').map((one) => readPlace(one.trim()))) {
        if (place.level === 'manifest' && place.platform === undefined) ofManifests.push(rest)
        else {
          const { name, text: value } = readEntry(rest, expressions)
          leveled.push({ ...place, name, value })
        }
      }
    })
  }
  return { ofManifests, leveled }
}

/** As the input has it, and Buildx takes it: `index:name`, `manifest[linux/arm64]:name`. Pure. */
export function placedName({ level, platform, name }: LeveledAnnotation): string {
  return `${level}${platform === undefined ? '' : `[${platform}]`}:${name}`
}

function readPlace(text: string): Pick<LeveledAnnotation, 'level' | 'platform'> {
  const [, level, written = ''] = PLACE.exec(text) ?? []
  const platform = written === '' ? undefined : parsePlatform(written)
  const known = LEVELS.find((one) => one === level)
  if (known === undefined || (written !== '' && platform === undefined)) {
    throw new UserError(
      `${quote(text)} is not a place for an annotation`,
      `Known are ${LEVELS.join(', ')}, each with a platform if need be: manifest[linux/arm64]:name=value.`,
    )
  }
  return { level: known, platform: platform && formatPlatform(platform) }
}
