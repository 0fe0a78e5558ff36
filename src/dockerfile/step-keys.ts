import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'
import { declare, namedBy, type Scope, valuesOf } from './argument-scope.js'
import { declarationsOf, PROXIES, textOf, variablesIn } from './arguments.js'
import { basesOf } from './bases.js'
import { mountsOf, type MountView, shownByMounts, stageNames } from './mounts.js'
import { copiedBy } from './copy-sources.js'
import type { Dockerfile, Instruction, Stage } from './dockerfile.js'
import { plainName } from './dependencies.js'
import { digest, extend } from './step-digest.js'
import { copiedByVariable } from './variable-sources.js'

/** What decides the result of a step beside the Dockerfile itself, and Buildah's own key may leave out. */
export interface StepInputs {
  /** Everything that concerns all steps: platform, format, times, further arguments of the build. */
  readonly seed: readonly string[]
  /** All build arguments with their values, those taken from the environment included. */
  readonly buildArgs: ReadonlyMap<string, string>
  /** `name=value` */
  readonly annotations: readonly string[]
  readonly labels: readonly { readonly name: string; readonly value: string }[]
  /** Version of Buildah, `1.33.7`. */
  readonly buildah: string
  /** The proxies of Buildah's own environment, by the names of their variables. */
  readonly proxies: ReadonlyMap<string, string>
  /** Build contexts beside the main one, and what they stand for. */
  readonly contexts: readonly { readonly name: string; readonly value: string }[]
  /** Digests of what mounts show of the context, by path: all `contextMounts`, and those `linkMounts` that are links. */
  readonly contextDigests: ReadonlyMap<string, string>
  /** Digests of what COPY and ADD take from the context, by path, as far as they are known. */
  readonly copied: ReadonlyMap<string, string>
}

export interface StageKeys {
  /**
   * One for each step that Buildah prints, FROM first, the steps that it adds for labels last. Undefined where what a
   * step depends on can't be told, and for all steps behind it.
   */
  readonly keys: readonly (string | undefined)[]
  /**
   * For each step, what it and the steps before it have copied from the context; undefined where that isn't known.
   * Buildah compares this itself: an image with another one would be offered in vain.
   */
  readonly contents: readonly (string | undefined)[]
  /** How many of them, the last ones, are for steps that Buildah adds for labels. */
  readonly added: number
  /** The first step without a key, and the reason. */
  readonly unknown?: { readonly line: number; readonly why: string }
}

/** First version that shows in a mount what a stage has that comes from the cache. */
const SHOWS_CACHED_STAGES = '1.33.0'
/** First version that writes the labels given beside the Dockerfile into the target's last image alone, by a step. */
const LABELS_IN_A_STEP = '1.30.0'

/**
 * Keys for the steps of all stages up to the target (its index). Two are equal only when everything is equal that some
 * Buildah forgets to compare: values of arguments, bodies of heredocs, content of bind mounts, labels, annotations,
 * platform, and all that of the steps before. Buildah still compares what it does compare, so what COPY copies is not in
 * it; a key only says which images of earlier builds Buildah may see at all. Pure.
 */
export function stepKeys(dockerfile: Dockerfile, stepInputs: StepInputs, target: number): StageKeys[] {
  const { buildArgs, contexts, contextDigests, buildah } = stepInputs
  const build: Build = {
    seed: [...stepInputs.seed, ...namesInEveryImage(stepInputs)],
    buildArgs,
    proxies: stepInputs.proxies,
    contexts,
    contextDigests,
    copied: stepInputs.copied,
    view: { buildah, stages: stageNames(dockerfile), contexts: new Set(contexts.map(({ name }) => name)) },
    globals: dockerfile.globals.reduce<Scope>((scope, own) => declare(scope, own, buildArgs), new Map()),
  }
  const isNeeded = neededInFull(dockerfile, buildah)
  const copied = copiedByVariable(dockerfile)
  const done: StageKeys[] = []
  for (const stage of dockerfile.stages.slice(0, target + 1)) {
    const bases = basesOf(dockerfile, stage, buildArgs).flatMap((index) => done[index] ?? [])
    const made = isNeeded(stage, done.length) ? builtAnew(stage, buildah) : stageKeys(stage, bases, build)
    done.push(copied.has(done.length) ? endedAnew(made, stage) : made)
  }
  const last = done.pop()
  const isLast = target === dockerfile.stages.length - 1
  return last === undefined ? [] : [...done, withTarget(last, stepInputs, isLast)]
}

/** Whether a stage must be built for the mounts that show it, by what this Buildah can. */
function neededInFull(dockerfile: Dockerfile, buildah: string): (stage: Stage, index: number) => boolean {
  if (!lt(buildah, SHOWS_CACHED_STAGES)) return () => false
  const shown = shownByMounts(dockerfile)
  const isUnsure = [...shown].some((from) => from.includes('$'))
  return ({ name }, index) =>
    isUnsure || shown.has(String(index)) || (name !== undefined && shown.has(name.toLowerCase()))
}

function builtAnew({ line, instructions }: Stage, buildah: string): StageKeys {
  const keys = Array.from<undefined>({ length: instructions.length + 1 })
  return {
    keys,
    contents: keys,
    added: 0,
    unknown: { line, why: `a mount shows this stage, and Buildah ${buildah} shows only what it has just built` },
  }
}

/** The last step is done once more, and so there are files of the stage. */
function endedAnew(stage: StageKeys, { instructions }: Stage): StageKeys {
  const last = instructions.at(-1)
  if (last === undefined || stage.unknown !== undefined) return stage
  const why = 'COPY may take from it by a variable, and Buildah finds only what it has just built'
  return { ...stage, keys: [...stage.keys.slice(0, -1), undefined], unknown: { line: last.line, why } }
}

/** What all stages share. */
interface Build {
  readonly seed: readonly string[]
  readonly buildArgs: ReadonlyMap<string, string>
  readonly proxies: ReadonlyMap<string, string>
  readonly contexts: StepInputs['contexts']
  readonly contextDigests: ReadonlyMap<string, string>
  readonly copied: ReadonlyMap<string, string>
  readonly view: MountView
  readonly globals: Scope
}

/**
 * Labels (before 1.30) and annotations are in the images of all steps. Values are written again with each image and
 * can't be old ones, but a name that is no longer given would come back with an image from before.
 */
function namesInEveryImage({ annotations, labels, buildah }: StepInputs): string[] {
  const names = annotations.map((entry) => `annotation ${entry.split('=', 1)[0] ?? ''}`)
  if (lt(buildah, LABELS_IN_A_STEP)) names.push(...labels.map(({ name }) => `label ${name}`))
  return names.sort()
}

function stageKeys(stage: Stage, bases: readonly StageKeys[], build: Build): StageKeys {
  const { seed, buildArgs, globals } = build
  const unknown = bases.find((base) => base.unknown)?.unknown
  const from = [...stage.flags.map(({ name, value }) => `--${name}=${value}`), stage.base]
  const values = valuesOf(variablesIn(from.join(' ')), globals, buildArgs)
  const below = bases.map(({ keys }) => keys.at(-1) ?? '')
  let key = digest([digest(seed), digest(from), digest(values), digest(overriding(stage, build.contexts)), ...below])
  const nothing = (line: number, why: string, keys: readonly string[]): StageKeys => {
    const rest = Array.from<undefined>({ length: stage.instructions.length + 1 - keys.length })
    return { keys: [...keys, ...rest], contents, added: 0, unknown: { line, why } }
  }
  const contents = contentsOf(stage, bases, build.copied)
  if (unknown) return nothing(stage.line, `it goes on from a stage with unknown steps (line ${unknown.line})`, [])
  const keys = [key]
  let scope = globals
  const declared = new Set<string>()
  for (const instruction of stage.instructions) {
    declarationsOf(instruction).forEach(({ name }) => declared.add(name))
    scope = declare(scope, instruction, buildArgs)
    const mounts = mountParts(instruction, build)
    if (typeof mounts === 'string') return nothing(instruction.line, mounts, keys)
    const named = valuesOf(namedBy(instruction, declared), scope, buildArgs)
    key = digest([key, textOf(instruction), digest(named), digest(mounts), digest(proxiesOf(instruction, build))])
    keys.push(key)
  }
  return { keys, contents, added: 0 }
}

function contentsOf(
  stage: Stage,
  bases: readonly StageKeys[],
  copied: ReadonlyMap<string, string>,
): StageKeys['contents'] {
  const below = bases.map(({ contents }) => contents.at(-1))
  let content = below.includes(undefined) ? undefined : digest(below.map((one = '') => one))
  const contents = [content]
  for (const instruction of stage.instructions) {
    const digests = copiedBy(instruction)?.map((path) => copied.get(path))
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
export function overriding({ base }: Stage, contexts: StepInputs['contexts']): string[] {
  const isMeant = (name: string) => base.includes('$') || plainName(name) === plainName(base)
  return contexts.flatMap(({ name, value }) => (isMeant(name) ? [name, value] : []))
}

/** What of its mounts goes into the key of a step, or the reason why that can't be told. */
function mountParts(instruction: Instruction, { view, contextDigests }: Build): string[] | string {
  const parts: string[] = []
  for (const mount of mountsOf(instruction, view)) {
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
  if (gte(buildah, LABELS_IN_A_STEP)) return [labels]
  // Before, they were put behind the last line of the Dockerfile, wherever the target was.
  if (!isLastOfFile || lt(buildah, '1.24.0')) return []
  return gte(buildah, '1.29.0') ? [labels] : labels.map((label) => [label])
}
