import { EMPTY_MOUNTS, mountOptions } from './mounts.js'
import { copiedBy, pathInContext } from './copy-sources.js'
import { type Dockerfile, type Instruction, parseDockerfile, type Stage } from './dockerfile.js'
import { expand, globalValues, type Values } from './expansion.js'
import { splitWords } from './lines.js'

/** What a build can take from outside of its Dockerfile. */
export interface Reach {
  /** Images that FROM and `--from` name, as they are written, with the values of variables. Each once. */
  readonly images: readonly string[]
  /** Paths in the context, each once. */
  readonly paths: readonly ReachedPath[]
  /** Names of further build contexts. */
  readonly contexts: readonly string[]
  /** What can't be told before the build, as sentences without their full stop. */
  readonly doubts: readonly string[]
}

export interface ReachedPath {
  /** Relative to the context, in the grammar of Go's `filepath.Match`; '' for all of it. */
  readonly path: string
  /** Whether it is a mount, in which Buildah shows also what the ignore file leaves out. */
  readonly mounted: boolean
  /** Only the engine can read what is taken: it may be anything, also behind a link. Absent mostly. */
  readonly guessed?: boolean
}

/** What names in a Dockerfile stand for. */
export interface Names {
  /** Build arguments that were given. */
  readonly buildArgs: Values
  /** Arguments that the engine declares by itself in front of the first FROM. */
  readonly automatic: Values
  /** Names of further build contexts. */
  readonly contexts: ReadonlySet<string>
}

/** What ADD fetches by itself, and what that begins with, behind which a variable may hide the rest. */
const REMOTE = /^(https?|git|ssh):\/\/|^[\w.-]+@[^/]*:/
const REMOTE_BEGINNINGS = ['http://', 'https://', 'git://', 'ssh://', 'git@']
/** Contents that are named by their digest, or a Git commit that has to be there. */
const CHECKED = 'checksum'

/** What the stages that the target (its index) needs can take from outside. Where in doubt, it is more. Pure. */
export function reachOf(dockerfile: Dockerfile, target: number, names: Names): Reach {
  const findings = findingsOf(dockerfile, target, names)
  return {
    images: [...findings.images],
    paths: [...findings.paths.values()],
    contexts: [...findings.used],
    doubts: [...findings.doubts],
  }
}

/** Indexes of the stages that the target (its index) needs. Pure. */
export function neededStages(dockerfile: Dockerfile, target: number, names: Names): number[] {
  return [...findingsOf(dockerfile, target, names).stages].sort((one, other) => one - other)
}

function findingsOf(dockerfile: Dockerfile, target: number, names: Names): Findings {
  const values = globalValues(dockerfile, names.buildArgs, names.automatic)
  const findings: Findings = {
    ...{ dockerfile, contexts: names.contexts, stages: new Set<number>(), values },
    ...{ images: new Set<string>(), used: new Set<string>(), doubts: new Set<string>(), paths: new Map() },
  }
  const { ambiguous } = dockerfile
  // One of the engines may see a COPY or a FROM there that the other one doesn't.
  if (ambiguous !== undefined) doubt(findings, { line: ambiguous }, 'what the engine makes of it')
  visit(target, findings)
  return findings
}

/** What was found so far. */
interface Findings {
  readonly dockerfile: Dockerfile
  readonly contexts: ReadonlySet<string>
  readonly values: Values
  readonly stages: Set<number>
  readonly images: Set<string>
  readonly used: Set<string>
  readonly doubts: Set<string>
  readonly paths: Map<string, ReachedPath>
}

function visit(index: number, findings: Findings): void {
  const stage = findings.dockerfile.stages[index]
  if (stage === undefined || findings.stages.has(index)) return
  findings.stages.add(index)
  const base = expand(stage.base, findings.values)
  if (base === undefined || base === '') doubt(findings, stage, `what FROM ${stage.base} names`)
  else refer(base, index, stage, findings)
  for (const instruction of stage.instructions) take(instruction, index, findings)
}

/** What FROM or `--from` names: a build context, a stage before this one, else an image. */
function refer(name: string, before: number, place: { readonly line: number }, findings: Findings): void {
  // Buildah compares names as they are written, BuildKit the images that they stand for.
  for (const context of findings.contexts) if (plainName(context) === plainName(name)) findings.used.add(context)
  const { stages } = findings.dockerfile
  const named = stagesNamed(name, stages.slice(0, before))
  for (const index of named) visit(index, findings)
  // To Buildah that is the name of an image.
  if (named.length > 0 && !named.some((index) => [stages[index]?.name, String(index)].includes(name)))
    doubt(findings, place, `whether ${name} is a stage`)
  if (named.length === 0 && name !== 'scratch' && !findings.contexts.has(name)) findings.images.add(name)
}

/** Indexes of the stages that a name may stand for. Pure. */
export function stagesNamed(name: string, stages: readonly Stage[]): number[] {
  const isNamed = (stage: Stage, index: number) =>
    stage.name?.toLowerCase() === name.toLowerCase() || String(index) === name
  return stages.flatMap((stage, index) => (isNamed(stage, index) ? [index] : []))
}

/** A name of an image without what is added to it where it is missing, in lower case. Pure. */
export function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(index\.)?docker\.io\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '')
}

function take(instruction: Instruction, stage: number, findings: Findings): void {
  const { keyword, argument } = instruction
  if (keyword === 'COPY' || keyword === 'ADD') takeFiles(instruction, stage, findings)
  if (keyword === 'RUN') {
    for (const { name, value } of instruction.flags)
      if (name === 'mount') takeMount(value, instruction, stage, findings)
  }
  if (keyword === 'ONBUILD') {
    const [first] = parseDockerfile(`FROM scratch\n${argument}`).stages
    // It is done in a stage that may come after others.
    for (const trigger of first?.instructions ?? []) take({ ...trigger, line: instruction.line }, Infinity, findings)
  }
}

function takeFiles(instruction: Instruction, stage: number, findings: Findings): void {
  const from = instruction.flags.find(({ name }) => name === 'from')?.value
  if (from !== undefined) {
    if (/["'$\\]/.test(from)) doubt(findings, instruction, `what --from=${from} names`)
    else refer(from, stage, instruction, findings)
    return
  }
  // Behind a variable may be nothing.
  const isChecked = instruction.flags.some(({ name, value }) => name === CHECKED && /^\w/.test(value))
  if (!isChecked && mayDownload(instruction))
    doubt(findings, instruction, `what ADD downloads, since it has no --${CHECKED},`)
  for (const path of pathsOf(instruction)) reach(path, findings)
}

/** Whether an ADD may take something from elsewhere. Pure. */
export function mayDownload({ keyword, argument }: Instruction): boolean {
  return keyword === 'ADD' && copySources(argument).some(mayBeRemote)
}

/** What a COPY or ADD takes from the context; where that can't be told, it may be anything. Pure. */
export function pathsOf(instruction: Instruction): ReachedPath[] {
  const paths = copiedBy(instruction)
  return paths?.map((path) => ({ path, mounted: false })) ?? [{ path: '', mounted: false, guessed: true }]
}

/** The words of a COPY or ADD but the last, without their quotes and escapes. Pure. */
export function copySources(argument: string): string[] {
  const words = parseWords(argument) ?? splitWords(argument)
  return words.slice(0, -1).map((word) => word.replace(/["'\\`]/g, ''))
}

function parseWords(argument: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(argument)
    return Array.isArray(words) ? words.map(String) : undefined
  } catch {
    return undefined
  }
}

function mayBeRemote(word: string): boolean {
  const [beginning = '', ...hidden] = word.split('$')
  return REMOTE.test(word) || (hidden.length > 0 && REMOTE_BEGINNINGS.some((text) => text.startsWith(beginning)))
}

function takeMount(text: string, instruction: Instruction, stage: number, findings: Findings): void {
  const options = mountOptions(text)
  const type = options.get('type') ?? 'bind'
  const from = options.get('from')
  const source = options.get('source') ?? '.'
  const isReadable = !/["']/.test(text) && ![type, from, ...options.keys()].some((part) => part?.includes('$'))
  if (!isReadable || !['bind', 'cache', ...EMPTY_MOUNTS].includes(type))
    doubt(findings, instruction, `what --mount=${text} shows`)
  else if (from !== undefined) refer(from, stage, instruction, findings)
  // What is special in a pattern stands for itself there, and behind a backslash only the engine knows what does.
  else if (type === 'bind' && /[$*?[\\]/.test(source)) reach({ path: '', mounted: true, guessed: true }, findings)
  else if (type === 'bind') reach({ path: pathInContext(source), mounted: true }, findings)
}

function reach(path: ReachedPath, { paths }: Findings): void {
  paths.set(JSON.stringify(path), path)
}

function doubt({ doubts }: Findings, { line }: { readonly line: number }, what: string): void {
  doubts.add(`line ${line}: ${what} can't be told before the build`)
}
