import { formatBytes, formatCount, formatTime } from '../lib/format.js'
import { type CacheReport, renderCache } from './cache-stats.js'
import { escapeMarkdown } from './markdown.js'
import type { Phase } from './timeline.js'

/** What a step did, as the summary of its job shows it. */
export interface SummaryFacts {
  /** Full references, each with the digest that its registry holds, where it was pushed. */
  readonly references: readonly { readonly reference: string; readonly digest: string | undefined }[]
  /** `name@sha256:…`, each once. */
  readonly pulls: readonly string[]
  /** Commands that verify who signed it. */
  readonly verifications: readonly string[]
  /** `Buildah 1.43.2`; undefined where nothing was asked to build. */
  readonly engine: string | undefined
  readonly rootless: boolean
  /** When an earlier run built it; undefined if this one did. */
  readonly builtEarlier?: Date | undefined
  /** Of its layers, uncompressed; undefined if not even their number is known. */
  readonly size?: { readonly layers: number; readonly bytes: number | undefined } | undefined
  /** How many commands it has passed, in this run or in the one that built it. */
  readonly tests: number
  /** What was warned of, any text. */
  readonly warnings: readonly string[]
  readonly cache: CacheReport
  readonly phases: readonly Phase[]
  /** Of the one build. */
  readonly steps: readonly StepFacts[]
  /** Of several platforms, in the order of the index; else empty. */
  readonly platforms: readonly PlatformFacts[]
}

/** A step of a build, as Buildah prints it: any text. */
export interface StepFacts {
  readonly text: string
  readonly hit: boolean
  readonly seconds: number
  /** Seconds since the first step began; undefined where one step follows the other. */
  readonly started?: number
}

/** What became of one of several platforms. */
export interface PlatformFacts extends Pick<SummaryFacts, 'builtEarlier' | 'size' | 'cache'> {
  /** `linux/arm64`. */
  readonly platform: string
  /** Of its manifest; undefined where it wasn't pushed. */
  readonly digest: string | undefined
  /** In their order. */
  readonly steps: readonly StepFacts[]
}

/** The phase that the steps are shown in. */
export const BUILD = 'build'
/** The phase in which commands run in containers of the image. */
export const TEST = 'test'
/** A picture of more bars can't be read, and GitHub draws no longer texts. */
const MAX_STEPS = 50
const MAX_WARNINGS = 10
const MAX_TEXT_LENGTH = 600

/** The summary in GitHub's Markdown; pure. No text of a Dockerfile or a log leaves its place in it. */
export function renderSummary(facts: SummaryFacts): string {
  const { references, pulls, verifications } = facts
  const rows = references.map(
    ({ reference, digest }) => `| \`${reference}\` | ${digest === undefined ? '' : `\`${digest}\``} |`,
  )
  const names = rows.length === 0 ? ['The image has no name.'] : ['| Image | Digest |', '| --- | --- |', ...rows]
  const lines = [...pulls.map((name) => `docker pull ${name}`), ...verifications]
  const commands = lines.length === 0 ? [] : ['', '```sh', ...lines, '```']
  const lists = [renderPlatforms(facts.platforms), renderFacts(facts), renderWarnings(facts.warnings)].filter(
    (list) => list.length > 0,
  )
  return [
    ...['### Image', '', ...names, ...commands, ''],
    ...lists.flatMap((list) => [...list, '']),
    ...[...renderTimeline(facts), ''],
  ].join('\n')
}

/** What the image is, who made it, and what the cache did for it. */
function renderFacts({ engine, rootless, builtEarlier, size, tests, cache }: SummaryFacts): string[] {
  const used = renderCache(cache)
  const moved = renderMoved(cache)
  return [
    ...(size === undefined ? [] : [`- **Size:** ${renderSize(size)}`]),
    ...(builtEarlier === undefined
      ? []
      : [`- **Nothing was built:** reusing the image built at ${formatTime(builtEarlier)}`]),
    ...(engine === undefined ? [] : [`- **Built by:** ${engine}, ${rootless ? 'rootless' : 'as root'}`]),
    ...(tests === 0 ? [] : [`- **Test:** ${formatCount(tests, 'command')} passed`]),
    ...(used === undefined ? [] : [`- **Cache:** ${used}`]),
    ...(moved === '' ? [] : [`- **Cache transfers:** ${moved}`]),
  ]
}

/** A row for each of several platforms. */
function renderPlatforms(platforms: readonly PlatformFacts[]): string[] {
  const rows = platforms.map(({ platform, digest, builtEarlier, size, cache }) => {
    const how = builtEarlier === undefined ? (renderCache(cache) ?? '') : `reused, built at ${formatTime(builtEarlier)}`
    const cells = [`\`${platform}\``, digest === undefined ? '' : `\`${digest}\``, size ? renderSize(size) : '', how]
    return `| ${cells.join(' | ')} |`
  })
  return rows.length === 0 ? [] : ['| Platform | Digest | Size | Cache |', '| --- | --- | --- | --- |', ...rows]
}

function renderSize({ layers, bytes }: NonNullable<SummaryFacts['size']>): string {
  const count = formatCount(layers, 'layer')
  return bytes === undefined ? count : `${formatBytes(bytes)} in ${count}, uncompressed`
}

/** What went over the network for the cache. */
function renderMoved({ stats }: CacheReport): string {
  const moves = [
    ['restored', 'restored'],
    ['saved', 'saved'],
  ].flatMap(([what = '', name = '']) => {
    const parts = stats[`parts-${name}`] ?? 0
    return parts === 0 ? [] : [`${formatBytes(stats[`bytes-${name}`] ?? 0)} in ${formatCount(parts, 'part')} ${what}`]
  })
  return moves.join(', ')
}

function renderWarnings(warnings: readonly string[]): string[] {
  if (warnings.length === 0) return []
  const more = warnings.length - MAX_WARNINGS
  return [
    '#### Warnings',
    '',
    ...warnings.slice(0, MAX_WARNINGS).map((text) => `- ${escapeMarkdown(text)}`),
    ...(more > 0 ? [`- ${more} more in the log`] : []),
  ]
}

/** What took how long, as a chart that GitHub draws: steps that were in the cache are grey. */
function renderTimeline({ phases, steps, platforms }: SummaryFacts): string[] {
  const stepsOf = ({ platform }: Phase) =>
    platform === undefined ? steps : (platforms.find((one) => one.platform === platform)?.steps ?? [])
  const total = Math.max(0, ...phases.map(({ started, seconds }) => started + seconds))
  const bars = phases.flatMap((phase) => [
    `  section ${phase.name}${phase.platform === undefined ? '' : ` ${phase.platform}`}`,
    bar(`${phase.seconds.toFixed(1)} s`, '', phase.started, phase.seconds),
    ...(phase.name === BUILD ? stepBars(stepsOf(phase), phase.started) : []),
  ])
  return [
    ...([...steps, ...platforms.flatMap((one) => one.steps)].some(({ hit }) => hit)
      ? ['Steps from the cache are grey.', '']
      : []),
    '```mermaid',
    'gantt',
    `  title ${total.toFixed(1)} s`,
    '  dateFormat x',
    ...axisOf(total),
    ...bars,
    '```',
  ]
}

/** Where it is short, Mermaid would write the same second several times. */
function axisOf(total: number): string[] {
  if (total > 60) return ['  axisFormat %M:%S']
  return ['  axisFormat %-S s', ...(total > 15 ? [] : ['  tickInterval 1second'])]
}

function stepBars(steps: readonly StepFacts[], begun: number): string[] {
  let ended = begun
  const merged = mergeLabels(steps)
  const bars = merged.map(({ text, hit, seconds, number, started: own }) => {
    const started = own === undefined ? ended : begun + own
    const took = seconds < 0.05 ? '' : ` — ${seconds.toFixed(1)} s`
    // Behind a number no word is one of Mermaid's own.
    const line = bar(`${nameOf(`${number} ${text}`)}${took}`, hit ? 'done, ' : 'active, ', started, seconds)
    ended = started + seconds
    return line
  })
  const more = merged.length - MAX_STEPS
  return more <= 0 ? bars : [...bars.slice(0, MAX_STEPS), bar(`${more} more`, '', ended, 0)]
}

interface Numbered extends StepFacts {
  readonly number: number
}

/** The steps with their numbers; labels in a row, as those that are there by default, are one. */
function mergeLabels(steps: readonly StepFacts[]): Numbered[] {
  const merged: Numbered[] = []
  for (const [index, step] of steps.entries()) {
    const { text, hit, seconds } = step
    const last = merged.at(-1)
    const isLabel = text.startsWith('LABEL ')
    if (isLabel && last?.hit === hit && last.text.startsWith('LABEL'))
      merged[merged.length - 1] = {
        ...last,
        text: `LABEL and ${index + 1 - last.number} more`,
        seconds: last.seconds + seconds,
      }
    else merged.push({ ...step, number: index + 1 })
  }
  return merged
}

/** A task of the chart; its end has to be behind its start. */
function bar(name: string, tag: string, started: number, seconds: number): string {
  const from = Math.round(started * 1000)
  return `    ${name} :${tag}${from}, ${Math.max(from + 1, Math.round((started + seconds) * 1000))}`
}

/** What Mermaid takes for nothing but a name. */
function nameOf(text: string): string {
  const plain = text
    .slice(0, MAX_TEXT_LENGTH)
    .replaceAll(/[^\p{L}\p{N} ./_=@-]+/gu, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  // Cut between characters, not within one.
  const short = /^.{0,60}/u.exec(plain)?.[0] ?? ''
  return short === plain ? plain : `${short}…`
}
