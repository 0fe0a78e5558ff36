import { ratios, summarize } from './statistics.mjs'

export const inSeconds = (seconds) => `${seconds.toFixed(1)} s`
export const inMilliseconds = (seconds) => `${Math.round(seconds * 1000)} ms`

/** A table in Markdown, its columns aligned as prettier aligns them. */
export function renderTable(head, rows) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)))
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const [first, ...others] = cells.map(line)
  return [first, line(widths.map((width) => '-'.repeat(width))), ...others].join('\n')
}

/** Median, minimum and maximum of each measure. */
export function renderTimes(series, format) {
  const rows = [...series].map(([measure, values]) => row(measure, values, format))
  return renderTable(['', 'median', 'min', 'max'], rows)
}

/** The same for ratios, taken turn by turn. @param pairs each a name, a measure and the measure it is divided by */
export function renderRatios(series, pairs) {
  const format = (ratio) => ratio.toFixed(3)
  const rows = pairs.map(([name, above, below]) => row(name, ratios(series.get(above), series.get(below)), format))
  return renderTable(['ratio, run by run', 'median', 'min', 'max'], rows)
}

function row(name, values, format) {
  const { median, min, max } = summarize(values)
  return [name, format(median), format(min), format(max)]
}
