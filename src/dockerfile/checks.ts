import { quote } from '../lib/quote.js'
import type { Analysis, StageAnalysis, StepAnalysis } from './analysis.js'
import type { CheckDirectives } from './check-directives.js'
import { type BaseFacts, type CheckState, namesSetBy, stateAfter, stateAtFrom } from './check-state.js'
import { pathInContext } from './copies.js'
import { neededStages } from './dependencies.js'
import { readWords } from './lines.js'
import { usedVariables } from './used-variables.js'
import { declarationsOf } from './variables.js'

/** What a check of BuildKit's has found, by the name that it has there. */
export interface Finding {
  readonly rule: string
  /** Of the instruction, from 1. */
  readonly line: number
  /** A sentence, with what to write instead. */
  readonly text: string
}

export interface Checked {
  /** By their lines. */
  readonly findings: readonly Finding[]
  /** Names of base images that decide whether there are more. */
  readonly undecided: ReadonlySet<string>
}

/** What checks go by, beside what the Dockerfile says. */
export interface CheckScene {
  /** Index of the stage that is built. */
  readonly target: number
  readonly directives: CheckDirectives
  /** The escape character of the Dockerfile. */
  readonly escape: string
  /** The line of the ignore file by which a path of the context is surely left out, '' for all of it. */
  readonly ignoring: (path: string) => number | undefined
  /** What is known of base images, by the names that FROM has for them. */
  readonly bases: ReadonlyMap<string, BaseFacts>
}

/** A finding that its place gives the line. */
type Said = Omit<Finding, 'line'>

/** What an instruction is looked at with. */
interface Place {
  readonly step: StepAnalysis
  readonly state: CheckState
  readonly scene: CheckScene
  readonly buildArgs: Analysis['values']['buildArgs']
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i
/** Instructions in which an engine puts values into the whole argument; a JSON list counts by its texts. */
const WITH_VALUES = new Set(['ENV', 'LABEL', 'COPY', 'ADD', 'WORKDIR', 'VOLUME', 'USER', 'STOPSIGNAL'])
const LISTS = new Set(['COPY', 'ADD', 'VOLUME'])
const FLAGS_WITH_VALUES = new Set(['chown', 'chmod'])

/**
 * What BuildKit's checks find in the stages that are built, of the six rules that catch mistakes: nothing that BuildKit
 * doesn't find there. Pure.
 */
export function check(analysis: Analysis, scene: CheckScene): Checked {
  const { buildArgs } = analysis.values
  const needed = new Set(neededStages(analysis, scene.target))
  const findings: Finding[] = duplicatesIn(analysis.stages)
  const undecided = new Set<string>()
  const ends: CheckState[] = []
  for (const [index, stage] of analysis.stages.entries()) {
    let state = stateAtFrom(stage, ends, scene.bases)
    for (const step of stage.steps) {
      const place = { step, state, scene, buildArgs }
      const { line } = step.instruction
      const [sure, unsure] = needed.has(index) ? [surelyIn(place), dependingOnBase(place)] : [[], []]
      const said = state.open === undefined ? [...sure, ...unsure] : sure
      findings.push(...said.map((one) => ({ ...one, line })))
      if (unsure.length > 0 && state.open?.image !== undefined) undecided.add(state.open.image)
      state = stateAfter(step.instruction, state)
    }
    ends.push(state)
  }
  const told = findings.filter(({ rule, line }) => !isSkipped(rule, line, scene.directives))
  return { findings: told.sort((one, other) => one.line - other.line), undecided }
}

function isSkipped(rule: string, line: number, { file, at }: CheckDirectives): boolean {
  return [file, at(line)].some(({ skips }) => skips.has('all') || skips.has(rule))
}

function duplicatesIn(stages: readonly StageAnalysis[]): Finding[] {
  const first = new Map<string, number>()
  return stages.flatMap(({ stage: { name, line } }) => {
    const key = name?.toLowerCase()
    if (name === undefined || key === undefined) return []
    const before = first.get(key)
    if (before === undefined) first.set(key, line)
    const text = `Stage name ${quote(name)} is also that of the stage in line ${before ?? 0}. Give one of them another name.`
    return before === undefined ? [] : [{ rule: 'DuplicateStageName', line, text }]
  })
}

/** What is so whatever the base image has. */
function surelyIn({ step, scene }: Place): Said[] {
  const { keyword } = step.instruction
  if (keyword === 'ARG' || keyword === 'ENV') return secretsIn(step)
  return keyword === 'COPY' || keyword === 'ADD' ? ignoredIn(step, scene) : []
}

function secretsIn({ instruction }: StepAnalysis): Said[] {
  const names = namesSetBy(instruction).filter((name) => /^\w+$/.test(name))
  return names
    .filter((name) => SECRET.test(name) && !NO_SECRET.test(name))
    .map((name) => ({
      rule: 'SecretsUsedInArgOrEnv',
      text: `${instruction.keyword} ${name} looks like a secret, and its value stays in the image or its history. Use the input "secrets" and RUN --mount=type=secret.`,
    }))
}

function ignoredIn({ instruction, copy }: StepAnalysis, { ignoring }: CheckScene): Said[] {
  // To BuildKit, a path from the root is none of the patterns'.
  const sources = copy?.paths === undefined ? [] : copy.sources.filter((source) => !/^\/|:|[$\\]/.test(source))
  if (copy?.from !== undefined) return []
  return sources.flatMap((source) => {
    const line = ignoring(pathInContext(source))
    if (line === undefined) return []
    const text = `${instruction.keyword} takes ${quote(source)}, which line ${line} of the ignore file excludes from the context.`
    return [{ rule: 'CopyIgnoredFile', text }]
  })
}

/** What may be otherwise with another base image. */
function dependingOnBase(place: Place): Said[] {
  const { instruction } = place.step
  const { keyword, argument } = instruction
  const undefinedHere = undefinedIn(place).map((name) => ({
    rule: 'UndefinedVar',
    text: `${keyword} uses the variable ${quote(name)}, which has no value: no ARG or ENV of this stage sets it before, and the base image doesn't.`,
  }))
  if (keyword === 'WORKDIR' && !place.state.hasWorkdir && isSurelyRelative(argument)) {
    const text = `WORKDIR ${quote(argument)} is relative to a folder that only the base image knows. Write an absolute path.`
    return [...undefinedHere, { rule: 'WorkdirRelativePath', text }]
  }
  const isCommand = keyword === 'CMD' || keyword === 'ENTRYPOINT'
  if (!isCommand || place.state.hasShell || argument === '' || readWords(argument).isJson) return undefinedHere
  const text = `${keyword} in shell form runs behind a shell, which doesn't pass on signals such as that of \`docker stop\`. Write a JSON list: ${keyword} ["program", "argument"].`
  return [...undefinedHere, { rule: 'JSONArgsRecommended', text }]
}

function isSurelyRelative(path: string): boolean {
  return /^["']?[\w.~-](?!:)/.test(path)
}

function undefinedIn({ step: { instruction }, state, scene, buildArgs }: Place): string[] {
  const { keyword, argument, flags, heredoc } = instruction
  const defined = new Set(state.defined)
  const names: string[] = []
  const look = (text: string) =>
    names.push(...usedVariables(text, scene.escape).filter((name) => !defined.has(name) && !names.includes(name)))
  for (const { name, value } of declarationsOf(instruction)) {
    // What is given takes the place of the default.
    if (value !== undefined && !buildArgs.has(name)) look(value)
    defined.add(name)
  }
  if (!WITH_VALUES.has(keyword) || heredoc) return names
  const { words, isJson } = readWords(argument)
  for (const text of LISTS.has(keyword) && isJson ? words : [argument]) look(text)
  for (const { name, value } of flags) if (FLAGS_WITH_VALUES.has(name)) look(value)
  return names
}
