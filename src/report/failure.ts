import { type CacheReport, renderCache } from './cache-stats.js'
import { type ChartFacts, renderChart, type StepFacts } from './chart.js'
import { codeBlock, inlineCode } from './markdown.js'
import { renderWarnings } from './summary.js'
import type { Phase } from './timeline.js'

/** What is known of a step that failed, as the summary of its job shows it. All texts may be any. */
export interface FailureFacts extends ChartFacts {
  readonly error: ErrorFacts
  /** The phase that failed, with the build step where that is sure; undefined where none had begun. */
  readonly phase: Pick<Phase, 'name' | 'platform'> | undefined
  readonly step: StepFacts | undefined
  /** `Buildah 1.43.2`; undefined where none was found yet. */
  readonly engine: string | undefined
  /** Full references with digests that are in their registries. */
  readonly pushed: readonly string[]
  readonly cache: CacheReport
  readonly warnings: readonly string[]
}

export interface ErrorFacts {
  /** What is wrong, in one line. */
  readonly message: string
  /** Where in which file. */
  readonly place?: { readonly file: string; readonly line: number } | undefined
  /** What lies behind it, and the end of what a program printed. */
  readonly details: readonly string[]
  /** What to do. */
  readonly hint?: string | undefined
}

const MAX_DETAILS = 40

/** The summary of a step that failed, in GitHub's Markdown; pure. No text leaves its place in it. */
export function renderFailure(facts: FailureFacts): string {
  const { error, phase, phases, warnings } = facts
  const blocks = [
    [`### ${titleOf(phase)}`],
    [inlineCode(error.message)],
    renderPlace(facts),
    error.details.length === 0 ? [] : codeBlock(error.details, MAX_DETAILS),
    renderHint(error.hint),
    renderWarnings(warnings),
    phases.length === 0 ? [] : renderChart(facts),
  ]
  return blocks
    .filter((block) => block.length > 0)
    .flatMap((block) => [...block, ''])
    .join('\n')
}

function titleOf(phase: FailureFacts['phase']): string {
  if (phase === undefined) return 'The step failed'
  const { name, platform } = phase
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} failed${platform === undefined ? '' : ` (${platform})`}`
}

/** Behind a sentence there may be lines to paste. */
function renderHint(hint: string | undefined): string[] {
  if (hint === undefined) return []
  const [first = '', ...lines] = hint.split('\n')
  return [`**What to do:** ${inlineCode(first)}`, ...(lines.length === 0 ? [] : ['', ...codeBlock(lines, MAX_DETAILS)])]
}

function renderPlace({ error: { place }, step, engine, pushed, cache }: FailureFacts): string[] {
  const used = renderCache(cache)
  return [
    ...(step === undefined ? [] : [`- **Build step:** ${inlineCode(step.text)}`]),
    ...(place === undefined ? [] : [`- **Line:** ${place.line} of ${inlineCode(place.file)}`]),
    ...(engine === undefined ? [] : [`- **Engine:** ${engine}`]),
    ...(used === undefined ? [] : [`- **Cache:** ${used}`]),
    ...pushed.map((name) => `- **Pushed:** ${inlineCode(name)}`),
  ]
}
