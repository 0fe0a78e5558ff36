import { mountOptions } from './mounts.js'
import { type Dockerfile, type Instruction, parseDockerfile, type Stage } from './dockerfile.js'
import { literal } from '../lib/regexp.js'
import { editLines } from './line-edits.js'

/** A name of a stage as a line has it, and as the stage has it. */
interface Misspelling {
  /** From 1. */
  readonly line: number
  readonly written: string
  readonly name: string
  /** What stands before it. */
  readonly before: string
}

/**
 * The text of a Dockerfile in which stages are named as they name themselves; undefined where they are, or where that
 * can't be written. To BuildKit names of stages are one whatever their case; Buildah takes another spelling for the name
 * of an image (`stageSpelling`). Pure.
 */
export function withStagesSpelled(text: string): string | undefined {
  const dockerfile = parseDockerfile(text)
  const wrong = dockerfile.ambiguous === undefined ? misspellingsIn(dockerfile) : []
  if (wrong.length === 0) return undefined
  const edits = wrong.map(({ line, written, name, before }) => ({
    line,
    find: new RegExp(`(?<=${before})${literal(written)}(?=[,\\s]|$)`),
    put: name,
  }))
  const spelled = editLines(text, dockerfile, edits)
  return isSame(dockerfile, parseDockerfile(spelled)) ? spelled : undefined
}

function misspellingsIn({ stages }: Dockerfile): Misspelling[] {
  return stages.flatMap((stage, index) => {
    const earlier = stages.slice(0, index)
    const own = { line: stage.line, written: stage.base, before: '\\s' }
    const named = stage.instructions.flatMap((instruction) =>
      namesIn(instruction).map((found) => ({ ...found, line: instruction.line })),
    )
    return [own, ...named].flatMap((found) => {
      const name = nameOf(found.written, earlier)
      return name === undefined ? [] : [{ ...found, name }]
    })
  })
}

/** The name of the stage that is meant by another spelling; undefined where one is spelled so, or none is meant. */
function nameOf(written: string, stages: readonly Stage[]): string | undefined {
  const names = stages.flatMap(({ name }) => (name === undefined ? [] : [name]))
  if (names.includes(written)) return undefined
  return names.findLast((name) => name.toLowerCase() === written.toLowerCase())
}

function namesIn({ keyword, flags }: Instruction): Pick<Misspelling, 'written' | 'before'>[] {
  const isCopy = keyword === 'COPY' || keyword === 'ADD'
  return flags.flatMap(({ name, value }) => {
    if (isCopy && name === 'from') return [{ written: value, before: '--from=' }]
    const written = keyword === 'RUN' && name === 'mount' ? mountOptions(value).get('from') : undefined
    return written === undefined ? [] : [{ written, before: '[,=][Ff][Rr][Oo][Mm]=' }]
  })
}

/** Whether two Dockerfiles differ in the case of letters alone, and the second names all stages as they are named. */
function isSame(one: Dockerfile, other: Dockerfile): boolean {
  const [first, second] = [one, other].map((dockerfile) => JSON.stringify(dockerfile).toLowerCase())
  return first === second && misspellingsIn(other).length === 0
}
