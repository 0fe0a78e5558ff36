import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'
import type { Analysis, Origin, StageAnalysis, StepAnalysis } from './analysis.js'
import { comparedMounts } from './compared-mounts.js'
import { mountedPath, showsContext } from './copies.js'
import type { Instruction } from './dockerfile.js'
import { getsWrong, LABELS_ARE_INSTRUCTIONS } from './known-wrong.js'
import { declare, digest, extend, namedBy, type Scope, valuesOf } from './step-digest.js'
import { PROXIES, textOf, variablesIn } from './variables.js'

/** What decides the result of a step beside the Dockerfile itself, and Buildah's own key may leave out. */
export interface StepInputs {
  /** Everything that concerns all steps: the platform (known-wrong.ts has it as `platform`), format, times, further arguments of the build. */
  readonly seed: readonly string[]
  /** All build arguments with their values, those taken from the environment included. */
  readonly buildArgs: ReadonlyMap<string, string>
  /** `name=value` */
  readonly annotations: readonly string[]
  readonly labels: readonly { readonly name: string; readonly value: string }[]
  /** Whether the image gets a time that isn't that of the build; the seed has it. */
  readonly hasTimestamp?: boolean
  /** Version of Buildah, `1.33.7`. */
  readonly buildah: string
  /** The proxies of Buildah's own environment, by the names of their variables. */
  readonly proxies: ReadonlyMap<string, string>
  /** Build contexts beside the main one, and what they stand for. */
  readonly contexts: readonly { readonly name: string; readonly value: string }[]
  /** Digests of what mounts show of the context, by path: all `contextMounts`, and those `linkMounts` that are links. */
  readonly contextDigests: ReadonlyMap<string, string>
  /** Digests of what COPY and ADD take from the context, by path, and of what RUN mounts of it, by `mountKey`, where known. */
  readonly copied: ReadonlyMap<string, string>
}

export interface StageKeys {
  /**
   * One for each step that Buildah prints, FROM first, the steps that it adds for labels last. Undefined where what a
   * step depends on can't be told, and for all steps behind it.
   */
  readonly keys: readonly (string | undefined)[]
  /**
   * For each step, what it and the steps before it have copied or mounted from the context; undefined where that isn't known.
   * Buildah compares this itself: an image with another one would be offered in vain.
   */
  readonly contents: readonly (string | undefined)[]
  /** How many of them, the last ones, are for steps that Buildah adds for labels. */
  readonly added: number
  /** The first step without a key, and the reason. */
  readonly unknown?: { readonly line: number; readonly why: string }
}

/**
 * Keys for the steps of all stages up to the target (its index). Two are equal only when everything is equal that some
 * Buildah forgets to compare: values of arguments, bodies of heredocs, content of bind mounts, labels, annotations,
 * platform, and all that of the steps before. Buildah still compares what it does compare, so what COPY copies is not in
 * it; a key only says which images of earlier builds Buildah may see at all. Pure.
 */
export function stepKeys({ dockerfile, stages }: Analysis, stepInputs: StepInputs, target: number): StageKeys[] {
  const { buildArgs, buildah } = stepInputs
  const build: Build = {
    ...stepInputs,
    seed: [...stepInputs.seed, ...namesInEveryImage(stepInputs)],
    globals: dockerfile.globals.reduce<Scope>((scope, own) => declare(scope, own, buildArgs), new Map()),
  }
  const shown = getsWrong('mountOfCachedStage', buildah) ? shownByMounts(stages) : new Set<number>()
  const copied = getsWrong('stageByArgument', buildah) ? copiedByVariable(stages) : new Set<number>()
  const done: StageKeys[] = []
  for (const [index, analysis] of stages.slice(0, target + 1).entries()) {
    const bases = analysis.base.stages.flatMap((base) => done[base] ?? [])
    const made = shown.has(index) ? builtAnew(analysis, buildah) : stageKeys(analysis, bases, build)
    done.push(copied.has(index) ? endedAnew(made, analysis) : made)
  }
  const last = done.pop()
  const isLast = target === stages.length - 1
  return last === undefined ? [] : [...done, withTarget(last, stepInputs, isLast)]
}

/** Indices of the stages that mounts of RUN may show. */
function shownByMounts(stages: readonly StageAnalysis[]): Set<number> {
  const origins = allStepsOf(stages).flatMap(({ mounts }) => mounts.map(({ from }) => from))
  return new Set(origins.flatMap((from) => from?.stages ?? []))
}

/**
 * Indices of the stages that COPY or ADD may mean by a `--from` with a variable. Buildah doesn't know before it is there
 * that the stage is needed: one that is taken from the cache as a whole has no files for it.
 */
function copiedByVariable(stages: readonly StageAnalysis[]): Set<number> {
  const origins = allStepsOf(stages).map(({ copy }) => copy?.from)
  return new Set(origins.flatMap((from) => (from === undefined || 'known' in from ? [] : from.stages)))
}

/** With those that ONBUILD puts off: they run in a stage that is built on theirs. */
function allStepsOf(stages: readonly StageAnalysis[]): StepAnalysis[] {
  return stages.flatMap(({ steps }) => steps.flatMap((step) => [step, ...step.triggers]))
}

function builtAnew({ stage, steps }: StageAnalysis, buildah: string): StageKeys {
  const { line } = stage
  const keys = Array.from<undefined>({ length: steps.length + 1 })
  return {
    keys,
    contents: keys,
    added: 0,
    unknown: { line, why: `a mount uses this stage, and Buildah ${buildah} can mount only what it has just built` },
  }
}

/** The last step is done once more, and so there are files of the stage. */
function endedAnew(stage: StageKeys, { steps }: StageAnalysis): StageKeys {
  const last = steps.at(-1)?.instruction
  if (last === undefined || stage.unknown !== undefined) return stage
  const why = 'COPY may read from it through a variable, and Buildah finds only what it has just built'
  return { ...stage, keys: [...stage.keys.slice(0, -1), undefined], unknown: { line: last.line, why } }
}

/** What all stages share. */
interface Build extends Omit<StepInputs, 'annotations' | 'labels'> {
  readonly globals: Scope
}

/**
 * Labels (before 1.30) and annotations are in the images of all steps. Values are written again with each image and
 * can't be old ones, but a name that is no longer given would come back with an image from before.
 */
function namesInEveryImage({ annotations, labels, buildah }: StepInputs): string[] {
  const names = annotations.map((entry) => `annotation ${entry.split('=', 1)[0] ?? ''}`)
  if (lt(buildah, LABELS_ARE_INSTRUCTIONS)) names.push(...labels.map(({ name }) => `label ${name}`))
  return names.sort()
}

/**
 * What some releases forget by `argumentValue`, `heredoc`, `heredocBehindArgument`, `overriddenBase` and `proxyDefault` is
 * in the keys of all releases: it costs nothing to compare it twice.
 */
function stageKeys({ stage, base, steps }: StageAnalysis, bases: readonly StageKeys[], build: Build): StageKeys {
  const { seed, buildArgs, globals } = build
  const unknown = bases.find((base) => base.unknown)?.unknown
  const from = [...stage.flags.map(({ name, value }) => `--${name}=${value}`), stage.base]
  const values = valuesOf(variablesIn(from.join(' ')), globals, buildArgs)
  const below = bases.map(({ keys }) => keys.at(-1) ?? '')
  let key = digest([digest(seed), digest(from), digest(values), digest(overriding(base, build.contexts)), ...below])
  const contents = contentsOf(steps, bases, build.copied)
  const nothing = (line: number, why: string, keys: readonly string[]): StageKeys => {
    const rest = Array.from<undefined>({ length: steps.length + 1 - keys.length })
    return { keys: [...keys, ...rest], contents, added: 0, unknown: { line, why } }
  }
  if (unknown) return nothing(stage.line, `it continues a stage with unknown steps (line ${unknown.line})`, [])
  const keys = [key]
  let scope = globals
  for (const step of steps) {
    const { instruction, declared } = step
    scope = declare(scope, instruction, buildArgs)
    const mounts = mountParts(step, build)
    if (typeof mounts === 'string') return nothing(instruction.line, mounts, keys)
    const named = valuesOf(namedBy(instruction, declared), scope, buildArgs)
    key = digest([key, textOf(instruction), digest(named), digest(mounts), digest(proxiesOf(instruction, build))])
    keys.push(key)
  }
  return { keys, contents, added: 0 }
}

/** By what the digest of a mount is found among those of what is copied: no path has such a name. Pure. */
export function mountKey(path: string | undefined): string {
  return `\0${path ?? '\0'}`
}

function contentsOf(
  steps: readonly StepAnalysis[],
  bases: readonly StageKeys[],
  copied: ReadonlyMap<string, string>,
): StageKeys['contents'] {
  const below = bases.map(({ contents }) => contents.at(-1))
  let content = below.includes(undefined) ? undefined : digest(below.map((one = '') => one))
  const contents = [content]
  for (const { copy, mounts } of steps) {
    const copies = copy === undefined ? [] : copy.paths?.map((path) => copied.get(path))
    const shown = mounts.filter(showsContext).map((mount) => copied.get(mountKey(mountedPath(mount))))
    const digests = copies && [...copies, ...shown]
    if (digests === undefined || digests.includes(undefined)) content = undefined
    else if (digests.length > 0)
      content = extend(
        content,
        digests.map((one = '') => one),
      )
    contents.push(content)
  }
  return contents
}

/** The proxies that RUN names, which nobody need declare. A way to what is downloaded makes no other step of one. */
function proxiesOf(instruction: Instruction, { buildArgs, proxies }: Build): string[] {
  const text = instruction.keyword === 'RUN' ? textOf(instruction) : ''
  return [...PROXIES].flatMap((name) => {
    const value = text.includes(name) ? (buildArgs.get(name) ?? proxies.get(name)) : undefined
    return value === undefined ? [] : [name, value]
  })
}

/**
 * What further build contexts may put in the place of the image or stage that FROM names: Buildah compares the layers of
 * an image, not which one it is. Pure.
 */
function overriding(base: Origin, contexts: StepInputs['contexts']): string[] {
  const isMeant = (name: string) => 'unknown' in base || base.known.contexts.includes(name)
  return contexts.flatMap(({ name, value }) => (isMeant(name) ? [name, value] : []))
}

/** What of its mounts goes into the key of a step, or the reason why that can't be told. */
function mountParts(step: StepAnalysis, { buildah, contextDigests }: Build): string[] | string {
  const parts: string[] = []
  for (const mount of comparedMounts(step, buildah)) {
    if (mount.kind === 'unknown') return mount.why
    if (mount.kind === 'own') continue
    const content = contextDigests.get(mount.source)
    if (content === undefined && mount.kind === 'digest')
      return `the content of ${JSON.stringify(mount.source)}, which it mounts, is not known`
    parts.push(content ?? '')
  }
  return parts
}

/** The keys of the target: with the steps for labels, and with what only the last of its images shows. */
function withTarget(stage: StageKeys, stepInputs: StepInputs, isLastOfFile: boolean): StageKeys {
  const { annotations, buildah } = stepInputs
  const labels = stepInputs.labels.filter(({ name }) => name !== '').map(({ name, value }) => digest([name, value]))
  const steps = labelSteps(labels, buildah, isLastOfFile)
  const keys = [...stage.keys]
  for (const step of steps) keys.push(extend(keys.at(-1), ['LABEL', ...step]))
  const onlyLast = [annotations, steps.length === 0 ? labels : []]
  if (onlyLast.flat().length > 0) keys.push(extend(keys.pop(), ['last', ...onlyLast.map(digest)]))
  const contents = [...stage.contents, ...steps.map(() => stage.contents.at(-1))]
  return { ...stage, keys, contents, added: steps.length }
}

/** Labels by the step that Buildah adds for them. */
function labelSteps(labels: readonly string[], buildah: string, isLastOfFile: boolean): (readonly string[])[] {
  if (labels.length === 0) return []
  if (gte(buildah, LABELS_ARE_INSTRUCTIONS)) return [labels]
  // Before, they were put behind the last line of the Dockerfile, wherever the target was.
  if (!isLastOfFile || lt(buildah, '1.24.0')) return []
  return gte(buildah, '1.29.0') ? [labels] : labels.map((label) => [label])
}
