import { posix } from 'node:path'
import type { Analysis } from './analysis.js'
import type { Instruction } from './dockerfile.js'
import { readWords } from './lines.js'
import { mountOptions, mountTarget, readMounts } from './mounts.js'
import { valuesInStages } from './stage-values.js'
import { unquote } from './variables.js'

/** A mount of RUN, where it is, and what holds in its stage there. */
export interface PlacedMount extends Place {
  /** Of the RUN. */
  readonly line: number
  readonly type: string
  /** Absolute; with the variables that only the build knows, it may also begin with one. */
  readonly target: string
  /** The target for messages: as it is written where it has one of these. */
  readonly shown: string
}

/** What holds at a place in a stage; paths are as the target of a mount is. */
interface Place {
  readonly workdir: string
  /** Paths of WORKDIR, COPY and ADD. */
  readonly paths: readonly string[]
  /** Those of RUN. */
  readonly commands: readonly string[]
}

/** Stand, as variables, for what the Dockerfile doesn't say. */
export const BASE_WORKDIR = '$BASE_WORKDIR'
const UNKNOWN = '$UNKNOWN'
const START: Place = { workdir: BASE_WORKDIR, paths: [], commands: [] }

/** All mounts of RUN that have a target, with the values of variables that are known before the build. Pure. */
export function placedMounts(analysis: Analysis): PlacedMount[] {
  const expandAt = valuesInStages(analysis)
  const ends: Place[] = []
  return analysis.stages.flatMap(({ stage, base }) => {
    const [parent] = base.stages.map((index) => ends[index])
    let place = parent ?? START
    const found: PlacedMount[] = []
    for (const instruction of stage.instructions) {
      const expand = (text: string) => withoutDefaults(expandAt(text, instruction))
      found.push(...mountsAt(place, instruction, expand))
      place = behind(place, instruction, expand)
    }
    ends.push(place)
    return found
  })
}

/** Variables that aren't known without what stands for them if they have no value: `${NAME:-word}` as `${NAME}`. */
function withoutDefaults(text: string): string {
  return text.replaceAll(/\$\{(\w+)[^{}]*\}/g, '${$1}')
}

function mountsAt(place: Place, instruction: Instruction, expand: (text: string) => string): PlacedMount[] {
  return readMounts(instruction).flatMap(({ text }) => {
    const expanded = expand(text)
    const written = targetOf(expanded)
    if (written === '') return []
    const type = mountOptions(expanded).get('type') ?? 'bind'
    const target = pathIn(place.workdir, written)
    const shown = target.includes('$') ? mountTarget(text) || text : target
    return [{ ...place, line: instruction.line, type, target, shown }]
  })
}

/** Variables that aren't known may also stand for whole options. */
function targetOf(text: string): string {
  const isHidden = [...mountOptions(text).keys()].some((name) => name.includes('$'))
  return mountTarget(text) || (isHidden ? UNKNOWN : '')
}

/** A path as it is seen from a folder. */
function pathIn(folder: string, path: string): string {
  // A variable may have an absolute path.
  const whole = /^[/$]/.test(path) ? path : `${folder}/${path}`
  // What is above a folder that has a variable for its name can't be told.
  if (/\$.*\/\.\.(\/|$)/s.test(whole)) return UNKNOWN
  return posix.normalize(whole.replace(/^\/+/, '/')).replace(/(?<=.)\/$/, '')
}

function behind(place: Place, { keyword, argument }: Instruction, expand: (text: string) => string): Place {
  const { workdir, paths, commands } = place
  if (keyword === 'RUN') return { ...place, commands: [...commands, expand(argument)] }
  if (keyword !== 'WORKDIR' && keyword !== 'COPY' && keyword !== 'ADD') return place
  const { words, isJson } = readWords(argument)
  const last = (isJson ? words : words.map(unquote)).at(-1) ?? ''
  const path = pathIn(workdir, expand(last))
  return { ...place, workdir: keyword === 'WORKDIR' ? path : workdir, paths: [...paths, path] }
}
