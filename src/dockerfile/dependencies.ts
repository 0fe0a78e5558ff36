import type { Analysis, Origin, StepAnalysis } from './analysis.js'
import { type Copy, mountedPath } from './copies.js'
import { EMPTY_MOUNTS, type Mount } from './mounts.js'

/** What a build takes from outside of its Dockerfile. */
export interface Dependencies {
  /** Images that FROM and `--from` name, as they are written, with the values of variables. Each once. */
  readonly images: readonly string[]
  /** Paths in the context, each once. */
  readonly paths: readonly ContextPath[]
  /** Names of further build contexts. */
  readonly contexts: readonly string[]
  /** What can't be known before the build, as sentences without their full stop. */
  readonly doubts: readonly string[]
}

export interface ContextPath {
  /** Relative to the context, in the grammar of Go's `filepath.Match`; '' for all of it. */
  readonly path: string
  /** Whether it is a mount, in which Buildah shows also what the ignore file leaves out. */
  readonly mounted: boolean
  /** Only the engine can read what is taken: it may be anything, also behind a link. Absent mostly. */
  readonly guessed?: boolean
}

/** A COPY or ADD by its place. */
export interface CopyStep {
  /** `COPY` or `ADD` */
  readonly keyword: string
  readonly line: number
  /** Index of the stage, and of the instruction in it: FROM is 0. */
  readonly stage: number
  readonly index: number
  /** What it takes from the context. */
  readonly paths: readonly ContextPath[]
  /** Whether it takes nothing from elsewhere: no heredocs, no `--from`, no URLs. */
  readonly isOfContext: boolean
  /** Values of arguments by which the paths are known, unless the base image has others in its environment. */
  readonly assumed: Copy['assumed']
}

const NONE: ReadonlySet<number> = new Set()
/** Contexts that are named by their digest, or a Git commit that has to be there. */
const CHECKED = 'checksum'

/**
 * What the stages that the target (its index) needs take from outside. Where in doubt, it is more. Pure.
 * @param built indices of stages that are there already
 */
export function dependenciesOf(analysis: Analysis, target: number, built = NONE): Dependencies {
  const { images, paths, contexts, doubts } = collect(analysis, target, built)
  return { images: [...images], paths: [...paths.values()], contexts: [...contexts], doubts: [...doubts] }
}

/** Indices of the stages that the target (its index) needs, itself included, in their order. Pure. */
export function neededStages(analysis: Analysis, target: number): number[] {
  return [...collect(analysis, target, NONE).stages].sort((one, other) => one - other)
}

/** Those of these stages that take all their files from the context. Pure. */
export function contextCopies(analysis: Analysis, target: number): CopyStep[] {
  return neededStages(analysis, target)
    .flatMap((stage) => copiesIn(analysis, stage))
    .filter(({ isOfContext }) => isOfContext)
}

/** Those that layers of the target's image are of, the lowest first: its own and those of the stages it stands on. Pure. */
export function ownCopies(analysis: Analysis, target: number): CopyStep[] {
  const base = analysis.stages[target]?.base
  const isStage = base !== undefined && 'known' in base && base.known.contexts.length === 0
  // Of stages of one name BuildKit takes the last.
  const below = isStage ? base.stages.at(-1) : undefined
  return [...(below === undefined ? [] : ownCopies(analysis, below)), ...copiesIn(analysis, target)]
}

function copiesIn({ stages }: Analysis, stage: number): CopyStep[] {
  return (stages[stage]?.steps ?? []).flatMap(({ instruction, copy }, place) => {
    const { keyword, line, heredoc } = instruction
    if (copy === undefined) return []
    const isOfContext = !heredoc && copy.from === undefined && !copy.mayDownload
    const { assumed } = copy
    return [{ keyword, line, stage, index: place + 1, paths: pathsOf(copy), isOfContext, assumed }]
  })
}

/** What was found so far. */
interface Findings {
  readonly analysis: Analysis
  readonly built: ReadonlySet<number>
  readonly stages: Set<number>
  readonly images: Set<string>
  readonly contexts: Set<string>
  readonly doubts: Set<string>
  readonly paths: Map<string, ContextPath>
}

function collect(analysis: Analysis, target: number, built: ReadonlySet<number>): Findings {
  const findings: Findings = {
    ...{
      analysis,
      built,
      stages: new Set(),
      images: new Set(),
      contexts: new Set(),
      doubts: new Set(),
      paths: new Map(),
    },
  }
  const { ambiguous } = analysis.dockerfile
  // One of the engines may see a COPY or a FROM there that the other one doesn't.
  if (ambiguous !== undefined) doubt(findings, ambiguous, 'how the engine reads it')
  addStage(target, findings)
  return findings
}

function addStage(index: number, findings: Findings): void {
  const found = findings.analysis.stages[index]
  if (found === undefined || findings.stages.has(index) || findings.built.has(index)) return
  findings.stages.add(index)
  addOrigin(found.base, found.stage.line, findings)
  for (const step of found.steps) addStep(step, findings)
}

function addOrigin(origin: Origin, line: number, findings: Findings): void {
  if ('unknown' in origin) {
    doubt(findings, line, origin.unknown)
    return
  }
  const { name, contexts, image, isOtherCase } = origin.known
  for (const context of contexts) findings.contexts.add(context)
  for (const stage of origin.stages) addStage(stage, findings)
  if (isOtherCase) doubt(findings, line, `whether ${name} is a stage`)
  if (image !== undefined) findings.images.add(image)
}

/** Whether a step may download something of which only the server knows whether it is another one now. Pure. */
export function mayDownloadOther({ instruction, copy }: Pick<StepAnalysis, 'instruction' | 'copy'>): boolean {
  // Behind a variable may be nothing.
  const isChecked = instruction.flags.some(({ name, value }) => name === CHECKED && /^\w/.test(value))
  return copy?.mayDownload === true && !isChecked
}

function addStep(step: StepAnalysis, findings: Findings): void {
  const { instruction, copy, mounts, triggers } = step
  const { line } = instruction
  if (mayDownloadOther(step)) doubt(findings, line, `what ADD downloads, since it has no --${CHECKED},`)
  if (copy?.from !== undefined) addOrigin(copy.from, line, findings)
  else if (copy !== undefined) for (const path of pathsOf(copy)) addPath(path, findings)
  for (const mount of mounts) addMount(mount, line, findings)
  for (const trigger of triggers) addStep(trigger, findings)
}

function addMount(
  { text, type = 'bind', from, source, isReadable }: Mount<Origin>,
  line: number,
  findings: Findings,
): void {
  if (!isReadable || !['bind', 'cache', ...EMPTY_MOUNTS].includes(type))
    doubt(findings, line, `what --mount=${text} shows`)
  else if (from !== undefined) addOrigin(from, line, findings)
  // What is special in a pattern stands for itself there, and behind a backslash only the engine knows what does.
  else if (type === 'bind') {
    const path = mountedPath({ source, isReadable })
    addPath(path === undefined ? { path: '', mounted: true, guessed: true } : { path, mounted: true }, findings)
  }
}

/** What it takes from the context; where that can't be told, it may be anything. */
function pathsOf({ paths }: Pick<Copy, 'paths'>): ContextPath[] {
  return paths?.map((path) => ({ path, mounted: false })) ?? [{ path: '', mounted: false, guessed: true }]
}

function addPath(path: ContextPath, { paths }: Findings): void {
  paths.set(JSON.stringify(path), path)
}

function doubt({ doubts }: Findings, line: number, what: string): void {
  doubts.add(`line ${line}: ${what} can't be known before the build`)
}
