import { posix } from 'node:path'
import { literal } from '../lib/regexp.js'
import type { Analysis } from './analysis.js'
import type { Instruction } from './dockerfile.js'
import { readWords } from './lines.js'
import { valuesInStages } from './stage-values.js'
import { unquote } from './variables.js'

/** A RUN step behind a VOLUME of its stage, or of what this is built on. */
export interface StepAfterVolume {
  readonly line: number
  /** The volume, absolute. */
  readonly volume: string
  /** Whether the step names it, or works in it. */
  readonly isNamed: boolean
}

/** What holds at the end of a stage. */
interface Place {
  readonly volumes: readonly string[]
  readonly workdir: string
}

/**
 * RUN steps behind a VOLUME, with the volume that they name or else the first one. Variables count with the values that are
 * known before the build; one that isn't is only taken for itself. Pure.
 * @param ofImages volumes of base images, by their names
 */
export function stepsAfterVolumes(
  analysis: Analysis,
  ofImages: ReadonlyMap<string, readonly string[]> = new Map(),
): StepAfterVolume[] {
  const { stages } = analysis
  const expandAt = valuesInStages(analysis)
  const ends: Place[] = []
  return stages.flatMap(({ stage, base }) => {
    const image = 'known' in base ? base.known.image : undefined
    const [parent, other] = base.stages.map((index) => ends[index])
    let place = (other === undefined ? parent : undefined) ?? {
      volumes: ofImages.get(image ?? '') ?? [],
      workdir: '/',
    }
    const found: StepAfterVolume[] = []
    for (const written of stage.instructions) {
      const instruction = { ...written, argument: expandAt(written.argument, written) }
      if (instruction.keyword === 'RUN') found.push(...stepIn(place, instruction))
      place = behind(place, instruction)
    }
    ends.push(place)
    return found
  })
}

function stepIn({ volumes, workdir }: Place, { line, argument }: Instruction): StepAfterVolume[] {
  const named = volumes.find((volume) => isBelow(workdir, volume) || names(argument, volume))
  const volume = named ?? volumes[0]
  return volume === undefined ? [] : [{ line, volume, isNamed: named !== undefined }]
}

function behind(place: Place, { keyword, argument }: Instruction): Place {
  if (keyword === 'VOLUME') {
    const { words, isJson } = readWords(argument)
    const paths = isJson ? words : words.map(unquote)
    return { ...place, volumes: [...place.volumes, ...paths.map((path) => absolute(path, place))] }
  }
  if (keyword !== 'WORKDIR') return place
  return { ...place, workdir: absolute(unquote(argument), place) }
}

function absolute(path: string, { workdir }: Place): string {
  // A variable may have an absolute path.
  return /^[/$]/.test(path) ? posix.normalize(path).replace(/(?<=.)\/$/, '') : posix.join(workdir, path)
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** Whether a command has a path in it, or one below it, as a word or behind what a shell separates words by. */
function names(command: string, path: string): boolean {
  return new RegExp(`(^|[^\\w./-])${literal(path)}(?![\\w.-])`).test(command)
}
