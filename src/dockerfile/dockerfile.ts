import { DockerfileParser, type Instruction as Parsed } from 'dockerfile-ast'

export interface Flag {
  readonly name: string
  /** Text behind `=`, '' where there is none (`--link`). */
  readonly value: string
}

export interface Instruction {
  /** In upper case: `RUN`. For `ONBUILD RUN …` it is `ONBUILD`. */
  readonly keyword: string
  /** Line it starts on, from 1. */
  readonly line: number
  readonly flags: readonly Flag[]
  /** What follows the keyword and the flags, continuation lines joined. */
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
}

/** Instructions that the OCI image format has no place for, and Buildah drops with a warning when it writes one. */
const DOCKER_ONLY = new Set(['HEALTHCHECK', 'SHELL', 'ONBUILD'])

/** Parses the text of a Dockerfile. Never throws: what makes no sense here is left to the engine to refuse. */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Instruction[] = []
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const parsed of DockerfileParser.parse(text).getInstructions()) {
    const instruction = toInstruction(parsed)
    const stage = stages.at(-1)
    if (instruction.keyword === 'FROM')
      stages.push({ ...readFrom(instruction), line: instruction.line, instructions: [] })
    else (stage?.instructions ?? globals).push(instruction)
  }
  return { globals, stages }
}

/** The image that a Dockerfile wants BuildKit to read it by (`# syntax=…`); undefined where it names none. Pure. */
export function frontendOf(text: string): string | undefined {
  for (const line of text.replace(/^\uFEFF?(#!.*\n)?/, '').split('\n')) {
    const [, name, value] = /^\s*#\s*([a-z]+)\s*=\s*(.*?)\s*$/i.exec(line) ?? []
    // Directives stand before everything else.
    if (name === undefined) return undefined
    if (name.toLowerCase() === 'syntax') return value?.split(/\s/)[0]
  }
  return undefined
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

function toInstruction(parsed: Parsed): Instruction {
  const heredoc = hasHeredocs(parsed) && parsed.getHeredocs().length > 0
  return {
    keyword: parsed.getKeyword(),
    line: parsed.getRange().start.line + 1,
    flags: hasFlags(parsed)
      ? parsed.getFlags().map((flag) => ({ name: flag.getName(), value: flag.getValue() ?? '' }))
      : [],
    // Lines are joined at their continuations, which the bodies of heredocs have not.
    argument: (heredoc ? parsed.getRawArgumentsContent() : parsed.getArgumentsContent()) ?? '',
    heredoc,
  }
}

interface WithFlags {
  getFlags: () => { getName: () => string; getValue: () => string | null }[]
}

function hasFlags(parsed: Parsed): parsed is Parsed & WithFlags {
  return 'getFlags' in parsed
}

function hasHeredocs(parsed: Parsed): parsed is Parsed & { getHeredocs: () => unknown[] } {
  return 'getHeredocs' in parsed
}

function readFrom({ argument, flags }: Instruction): Pick<Stage, 'name' | 'base' | 'flags'> {
  const [base = '', as, name] = argument.split(/\s+/)
  return { base, flags, name: as?.toUpperCase() === 'AS' ? name : undefined }
}
