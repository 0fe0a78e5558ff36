import { type CacheReport, renderCache } from './cache-stats.js'
import type { Phase } from './timeline.js'

/** What a step did, as the summary of its job shows it. */
export interface SummaryFacts {
  /** Full references, each with the digest that its registry holds, where it was pushed. */
  readonly references: readonly { readonly reference: string; readonly digest: string | undefined }[]
  /** `name@sha256:…`, each once. */
  readonly pulls: readonly string[]
  /** `Buildah 1.43.2`. */
  readonly engine: string
  readonly rootless: boolean
  readonly cache: CacheReport
  readonly phases: readonly Phase[]
  /** Steps of the build in their order, as Buildah prints them: any text. */
  readonly steps: readonly { readonly text: string; readonly hit: boolean; readonly seconds: number }[]
}

/** The phase that the steps are shown in. */
export const BUILD = 'build'
/** A picture of more bars can't be read, and GitHub draws no longer texts. */
const MOST_STEPS = 50
const LONGEST_TEXT = 600

/** The summary in GitHub's Markdown; pure. No text of a Dockerfile or a log leaves its place in it. */
export function renderSummary(facts: SummaryFacts): string {
  const { references, pulls, engine, rootless, cache } = facts
  const rows = references.map(
    ({ reference, digest }) => `| \`${reference}\` | ${digest === undefined ? '' : `\`${digest}\``} |`,
  )
  const names = rows.length === 0 ? ['The image has no name.'] : ['| Image | Digest |', '| --- | --- |', ...rows]
  const commands = pulls.length === 0 ? [] : ['', '```sh', ...pulls.map((name) => `docker pull ${name}`), '```']
  const how = `Built by ${engine}${rootless ? ', without root' : ', as root'}.`
  const used = renderCache(cache)
  return [
    ...['### Image', '', ...names, ...commands, ''],
    `${how}${used === undefined ? '' : ` Cache: ${used}.`}`,
    ...['', ...renderTimeline(facts), ''],
  ].join('\n')
}

/** What took how long, as a chart that GitHub draws: steps that were in the cache are grey. */
function renderTimeline({ phases, steps }: SummaryFacts): string[] {
  const total = Math.max(0, ...phases.map(({ started, seconds }) => started + seconds))
  const bars = phases.flatMap((phase) => [
    `  section ${phase.name}`,
    bar(phase.name, '', phase.started, phase.seconds),
    ...(phase.name === BUILD ? stepBars(steps, phase.started) : []),
  ])
  return [
    '```mermaid',
    'gantt',
    `  title ${total.toFixed(1)} s`,
    '  dateFormat x',
    '  axisFormat %M:%S',
    ...bars,
    '```',
  ]
}

function stepBars(steps: SummaryFacts['steps'], begun: number): string[] {
  let started = begun
  const bars = steps.map(({ text, hit, seconds }, index) => {
    // Behind a number no word is one of Mermaid's own.
    const line = bar(`${index + 1} ${text}`, hit ? 'done, ' : 'active, ', started, seconds)
    started += seconds
    return line
  })
  const more = steps.length - MOST_STEPS
  return more <= 0 ? bars : [...bars.slice(0, MOST_STEPS), bar(`${more} more`, '', started, 0)]
}

/** A task of the chart; its end has to be behind its start. */
function bar(name: string, tag: string, started: number, seconds: number): string {
  const from = Math.round(started * 1000)
  return `    ${nameOf(name)} :${tag}${from}, ${Math.max(from + 1, Math.round((started + seconds) * 1000))}`
}

/** What Mermaid takes for nothing but a name. */
function nameOf(text: string): string {
  const plain = text
    .slice(0, LONGEST_TEXT)
    .replaceAll(/[^\p{L}\p{N} ./_=@-]+/gu, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  // Cut between characters, not within one.
  const short = /^.{0,60}/u.exec(plain)?.[0] ?? ''
  return short === plain ? plain : `${short}…`
}
