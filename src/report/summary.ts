import { formatBytes, formatCount, formatTime } from '../lib/format.js'
import { type CacheReport, renderCache } from './cache-stats.js'
import { type ChartFacts, renderChart, type StepFacts } from './chart.js'
import { inlineCode } from './markdown.js'

/** What a step did, as the summary of its job shows it. */
export interface SummaryFacts extends ChartFacts {
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
  /** Of several platforms, in the order of the index; else empty. */
  readonly platforms: readonly PlatformFacts[]
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

const MAX_WARNINGS = 10

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
    ...[...renderChart(facts), ''],
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

/** What was warned of; any text. Pure. */
export function renderWarnings(warnings: readonly string[]): string[] {
  if (warnings.length === 0) return []
  const more = warnings.length - MAX_WARNINGS
  return [
    '#### Warnings',
    '',
    ...warnings.slice(0, MAX_WARNINGS).map((text) => `- ${inlineCode(text)}`),
    ...(more > 0 ? [`- ${more} more in the log`] : []),
  ]
}
