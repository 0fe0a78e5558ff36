import type { Analysis, StageAnalysis } from './analysis.js'
import { neededStages } from './dependencies.js'
import { parentOf } from './stage-platforms.js'
import { declarationsOf, expand, unquote } from './variables.js'

/** What a Dockerfile wants a generator of SBOMs to scan beside the image. */
export interface ScanExtras {
  readonly context: boolean
  /** Stages that the target needs, itself left out, in their order. */
  readonly stages: readonly ScannedStage[]
}

interface ScannedStage {
  readonly index: number
  /** `build`, or `stage-1` where it has no name. */
  readonly name: string
}

const [CONTEXT, STAGE] = ['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']
const [TRUE, FALSE] = [/^(1|t|T|true|True|TRUE)$/, /^(0|f|F|false|False|FALSE)$/]

/**
 * What the arguments BUILDKIT_SBOM_SCAN_CONTEXT and BUILDKIT_SBOM_SCAN_STAGE ask for, as BuildKit reads them: each stage
 * is asked by its own ARG, by that of the stage that it is built on, or by one before the first FROM. Pure.
 * @param target index of the stage that is built
 */
export function scanExtras(analysis: Analysis, target: number): ScanExtras {
  const isAsked = (index: number, argument: string) => means(argument, index, analysis)
  const stages = neededStages(analysis, target)
    .filter((index) => index !== target && isAsked(index, STAGE))
    .map((index) => ({ index, name: nameOf(index, analysis) }))
  return { context: isAsked(target, CONTEXT), stages }
}

function means(argument: string, index: number, analysis: Analysis): boolean {
  const value = valueIn(analysis.stages[index], argument, analysis)
  if (value === undefined || FALSE.test(value)) return false
  return TRUE.test(value) || value.split(',').includes(nameOf(index, analysis))
}

/** What an argument comes to in a stage; undefined where nobody has declared it, or only the engine knows. */
function valueIn(stage: StageAnalysis | undefined, argument: string, analysis: Analysis): string | undefined {
  if (stage === undefined) return undefined
  const { globals, values } = analysis
  const own = stage.stage.instructions.flatMap(declarationsOf).findLast(({ name }) => name === argument)
  if (own !== undefined && values.buildArgs.has(argument)) return values.buildArgs.get(argument)
  if (own?.value !== undefined) return expand(unquote(own.value), globals)
  const parent = parentOf(stage.base)
  const inherited = parent === undefined ? undefined : valueIn(analysis.stages[parent], argument, analysis)
  return own === undefined ? (inherited ?? globals.get(argument)) : (globals.get(argument) ?? inherited)
}

function nameOf(index: number, { stages }: Analysis): string {
  return stages[index]?.stage.name?.toLowerCase() ?? `stage-${index}`
}
