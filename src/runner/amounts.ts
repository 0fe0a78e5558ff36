import { refuse } from './input-parsers.js'

const HOUR_MS = 3_600_000
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 168 * HOUR_MS,
}

/** As Docker has it: `k`, `Ki` and `KiB` are 1024 bytes, `kB` is 1000. */
export function bytes(input: string, written: string): number {
  const [, digits, unit = '', byte] = /^(\d+(?:\.\d+)?) ?((?:[kmgt]i?)?)(b?)$/i.exec(written) ?? []
  const base = byte !== '' && unit.length === 1 ? 1000 : 1024
  const size = Math.round(Number(digits) * base ** ' kmgt'.indexOf(unit.charAt(0).toLowerCase() || ' '))
  if (Number.isSafeInteger(size) && size > 0) return size
  throw refuse(input, written, 'Write a number above zero and a unit: `500MB`, `2GiB`, `2g`.')
}

/** As Go writes durations, with days and weeks too: `168h`, `1h30m`, `7d`. */
export function duration(input: string, written: string, mostHours?: number): number {
  const parts = [...written.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)]
  const whole = parts.map(([part]) => part).join('') === written
  const sum = Math.round(parts.reduce((ms, [, digits, unit = '']) => ms + Number(digits) * (UNIT_MS[unit] ?? NaN), 0))
  const most = mostHours === undefined ? Number.MAX_SAFE_INTEGER : mostHours * HOUR_MS
  if (whole && sum > 0 && sum <= most) return sum
  const limit = mostHours === undefined ? '' : `, \`${mostHours}h\` at most`
  throw refuse(
    input,
    written,
    `Write a number above zero and a unit (s, m, h, d, w): \`30m\`, \`168h\`, \`7d\`${limit}.`,
  )
}
