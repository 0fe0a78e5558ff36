import type { Analysis, StageAnalysis, StepAnalysis } from './analysis.js'
import { comparedMounts } from './compared-mounts.js'
import { getsWrong } from './known-wrong.js'
import { overriding, type StepInputs } from './step-keys.js'
import { declarationsOf, PROXIES, textOf, variablesIn } from './variables.js'

/** Instructions in which Buildah puts in the values of arguments. */
const EXPANDED = new Set(['ADD', 'COPY', 'ENV', 'EXPOSE', 'LABEL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'])

/**
 * Why a cache that Buildah keeps by itself (`--cache-from`) may give a layer that isn't what this Dockerfile says, as a
 * sentence without its full stop; undefined where nothing is known that could. Pure.
 */
export function forgettable(
  { dockerfile, stages }: Analysis,
  {
    buildah,
    annotations,
    contexts,
    hasTimestamp,
  }: Pick<StepInputs, 'buildah' | 'annotations' | 'contexts' | 'hasTimestamp'>,
): string | undefined {
  const globals = dockerfile.globals.flatMap(declarationsOf).map(({ name }) => name)
  const lines = stages.flatMap(({ stage, base, steps }) => [
    ...(overriding(base, contexts).length === 0 || !getsWrong('overriddenBase', buildah)
      ? []
      : [lineOf(stage, buildah, `the image that a build context puts in the place of ${stage.base}`)]),
    ...forgottenIn(steps, globals, buildah),
  ])
  if (annotations.length > 0 && getsWrong('annotation', buildah))
    lines.push(`Buildah ${buildah} does not compare annotations`)
  if (hasTimestamp === true && getsWrong('timestamp', buildah))
    lines.push(`Buildah ${buildah} does not compare the time of the image`)
  return lines[0]
}

function forgottenIn(steps: StageAnalysis['steps'], globals: readonly string[], buildah: string): string[] {
  return steps.flatMap((step) => {
    const what = forgottenOf(step, new Set([...PROXIES, ...globals, ...step.declared]), buildah)
    return what === undefined ? [] : [lineOf(step.instruction, buildah, what)]
  })
}

function lineOf({ line }: { readonly line: number }, buildah: string, what: string): string {
  return `Dockerfile line ${line}: Buildah ${buildah} does not compare ${what}`
}

/** The first thing in a step that this Buildah forgets. */
function forgottenOf(step: StepAnalysis, known: ReadonlySet<string>, buildah: string): string | undefined {
  const { instruction, declared } = step
  const { keyword, heredoc } = instruction
  if (keyword === 'RUN') {
    if (heredoc && forgetsHeredocs(buildah, declared.size > 0)) return 'the text of a heredoc in RUN'
    const mounted = comparedMounts(step, buildah).some(({ kind }) => kind === 'digest' || kind === 'unknown')
    return mounted ? 'everything that RUN --mount mounts' : undefined
  }
  // Its values are never compared, unless it is declared without a default.
  const proxy = declarationsOf(instruction).find(({ name, value }) => PROXIES.has(name) && value !== undefined)
  if (proxy !== undefined && getsWrong('proxyDefault', buildah))
    return `the value of ${proxy.name}, which has a default`
  if (!EXPANDED.has(keyword) || !getsWrong('argumentValue', buildah)) return undefined
  // What COPY takes from elsewhere is compared by its content.
  const flags = instruction.flags.filter(({ name }) => name !== 'from')
  const named = variablesIn(textOf({ ...instruction, flags })).find((name) => known.has(name))
  return named === undefined ? undefined : `the value of $${named} in ${keyword}`
}

function forgetsHeredocs(buildah: string, hasArguments: boolean): boolean {
  return getsWrong('heredoc', buildah) || (hasArguments && getsWrong('heredocBehindArgument', buildah))
}
