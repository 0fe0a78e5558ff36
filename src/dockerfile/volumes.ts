import { posix } from 'node:path'
import { basesOf } from './bases.js'
import type { Dockerfile, Instruction, Stage } from './dockerfile.js'
import { expand, globalValues, type Values } from './expansion.js'
import { splitWords } from './lines.js'

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
 * RUN steps behind a VOLUME, with the volume that they name or else the first one. Volumes and folders with a variable in
 * them are left out. Pure.
 * @param given build arguments that were given
 * @param ofImages volumes of base images, by their names
 */
export function stepsAfterVolumes(
  dockerfile: Dockerfile,
  given: Values,
  ofImages: ReadonlyMap<string, readonly string[]> = new Map(),
): StepAfterVolume[] {
  const ends = new Map<Stage, Place>()
  const values = globalValues(dockerfile, given, new Map())
  return dockerfile.stages.flatMap((stage) => {
    const [base, other] = basesOf(dockerfile, stage, given)
    const parent = base === undefined || other !== undefined ? undefined : dockerfile.stages[base]
    const volumes = ofImages.get(expand(stage.base, values) ?? '') ?? []
    let place = (parent && ends.get(parent)) ?? { volumes, workdir: '/' }
    const found: StepAfterVolume[] = []
    for (const instruction of stage.instructions) {
      if (instruction.keyword === 'RUN') found.push(...stepIn(place, instruction))
      place = behind(place, instruction)
    }
    ends.set(stage, place)
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
    const paths = pathsOf(argument).filter((path) => !path.includes('$'))
    return { ...place, volumes: [...place.volumes, ...paths.map((path) => absolute(path, place))] }
  }
  if (keyword !== 'WORKDIR' || argument.includes('$')) return place
  return { ...place, workdir: absolute(argument.replace(/^(["'])(.*)\1$/, '$2'), place) }
}

function absolute(path: string, { workdir }: Place): string {
  return posix.resolve(workdir, path)
}

function pathsOf(argument: string): string[] {
  try {
    const words: unknown = JSON.parse(argument)
    return Array.isArray(words) ? words.map(String) : splitWords(argument)
  } catch {
    return splitWords(argument).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'))
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** Whether a command has a path in it, or one below it, as a word or behind what a shell separates words by. */
function names(command: string, path: string): boolean {
  const escaped = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(^|[^\\w./-])${escaped}(?![\\w.-])`).test(command)
}
