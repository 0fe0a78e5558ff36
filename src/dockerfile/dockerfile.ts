import { type Command, type Flag, readCommand } from './command.js'
import { canHaveHeredocs, endOf, type Heredoc, heredocsOf } from './heredocs.js'
import { type Dialect, directivesOf, type Lines, nextLine, openLines, splitWords } from './lines.js'

export interface Instruction {
  /** In upper case: `RUN`. For `ONBUILD RUN …` it is `ONBUILD`. */
  readonly keyword: string
  /** Line it starts on, from 1. */
  readonly line: number
  readonly flags: readonly Flag[]
  /** What follows the keyword and the flags, continuation lines joined; then the heredocs as they stand in the file. */
  readonly argument: string
  readonly heredoc: boolean
}

export interface Stage {
  readonly name: string | undefined
  /** The image or stage behind FROM, variables as they are written. */
  readonly base: string
  /** Those of FROM: `--platform`. */
  readonly flags: readonly Flag[]
  readonly line: number
  /** FROM itself left out. */
  readonly instructions: readonly Instruction[]
}

/** What of a Dockerfile must be known before the engine reads it. */
export interface Dockerfile {
  /** ARG instructions in front of the first FROM. */
  readonly globals: readonly Instruction[]
  readonly stages: readonly Stage[]
  /** The line of the first instruction that BuildKit reads in one way and Buildah in another; absent mostly. */
  readonly ambiguous?: number
}

/** Instructions that the OCI image format has no place for, and Buildah drops with a warning when it writes one. */
const DOCKER_ONLY = new Set(['HEALTHCHECK', 'SHELL', 'ONBUILD'])

/**
 * Parses the text of a Dockerfile as BuildKit reads it. Never throws: what makes no sense here is left to the engine to
 * refuse.
 */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Instruction[] = []
  const stages: (Stage & { instructions: Instruction[] })[] = []
  const instructions = readInstructions(text, 'BuildKit')
  for (const instruction of instructions) {
    const stage = stages.at(-1)
    if (instruction.keyword === 'FROM')
      stages.push({ ...readFrom(instruction), line: instruction.line, instructions: [] })
    else (stage?.instructions ?? globals).push(instruction)
  }
  const ambiguous = firstDifference(instructions, readInstructions(text, 'Buildah'))
  return { globals, stages, ...(ambiguous === undefined ? {} : { ambiguous }) }
}

/** All instructions as one of the parsers reads them, in order; pure. */
export function readInstructions(text: string, dialect: Dialect): Instruction[] {
  const lines = openLines(text, dialect)
  const instructions: Instruction[] = []
  let isRefused = false
  for (let next = nextLine(lines); next !== undefined; next = nextLine(lines)) {
    const command = readCommand(next.text, escapeInFlags(lines))
    const heredocs = isRefused ? [] : heredocsIn(command, next.text, lines)
    const end = endOf(heredocs, lines.physical, lines.next)
    // No engine builds such a file, unless it knows no heredocs: then this is none, and nothing behind it.
    if (end === undefined) isRefused = true
    instructions.push(toInstruction(command, next.line, takeUntil(end ?? lines.next, lines)))
  }
  return instructions
}

/** The image that a Dockerfile wants BuildKit to read it by (`# syntax=…`); undefined where it names none. Pure. */
export function frontendOf(text: string): string | undefined {
  const lines = text.replace(/^\uFEFF?(#!.*\n)?/, '').split('\n')
  return directivesOf(lines).get('syntax')?.split(/\s/)[0]
}

/** All instructions behind the first FROM, in order. */
export function stepsOf(dockerfile: Dockerfile): Instruction[] {
  return dockerfile.stages.flatMap(({ instructions }) => instructions)
}

/** The first instruction that only the `docker` format keeps, undefined where `oci` keeps everything. */
export function firstDockerOnly(dockerfile: Dockerfile): Instruction | undefined {
  return stepsOf(dockerfile).find(({ keyword }) => DOCKER_ONLY.has(keyword))
}

/**
 * The target as Buildah must be given it: a stage's name in the Dockerfile's own spelling (BuildKit ignores case,
 * Buildah doesn't) or its number. Undefined when there is no such stage.
 */
export function findTarget(dockerfile: Dockerfile, target: string): string | undefined {
  const names = dockerfile.stages.flatMap(({ name }) => (name === undefined ? [] : [name]))
  if (names.includes(target)) return target
  // Buildah knows a stage by its number only where it has no name.
  const numbered = /^\d+$/.test(target) ? dockerfile.stages[Number(target)] : undefined
  if (numbered !== undefined) return numbered.name ?? target
  return names.find((name) => name.toLowerCase() === target.toLowerCase())
}

/** The index of the stage that `findTarget` has found, of the last one where there is no target. Pure. */
export function targetIndex({ stages }: Dockerfile, target: string | undefined): number {
  const named = stages.findIndex(({ name }, index) => target === (name ?? String(index)))
  return named < 0 ? stages.length - 1 : named
}

/** Buildah knows no other escape character in flags. */
function escapeInFlags({ dialect, escape }: Lines): string {
  return dialect === 'Buildah' ? '\\' : escape
}

function heredocsIn(command: Command, text: string, lines: Lines): Heredoc[] {
  const isTrigger = command.keyword === 'ONBUILD'
  const own = isTrigger ? readCommand(command.argument, escapeInFlags(lines)) : command
  return canHaveHeredocs(own, lines.dialect) ? heredocsOf(text) : []
}

function takeUntil(end: number, lines: Lines): readonly string[] {
  const taken = lines.physical.slice(lines.next, end)
  lines.next = end
  return taken
}

function toInstruction({ argument, ...command }: Command, line: number, heredocs: readonly string[]): Instruction {
  return { ...command, line, argument: [argument, ...heredocs].join('\n'), heredoc: heredocs.length > 0 }
}

function firstDifference(some: readonly Instruction[], others: readonly Instruction[]): number | undefined {
  const index = some.findIndex((instruction, place) => JSON.stringify(instruction) !== JSON.stringify(others[place]))
  return index < 0 ? others[some.length]?.line : some[index]?.line
}

function readFrom({ argument, flags }: Instruction): Pick<Stage, 'name' | 'base' | 'flags'> {
  const [base = '', as, name] = splitWords(argument)
  return { base, flags, name: as?.toUpperCase() === 'AS' ? name : undefined }
}
