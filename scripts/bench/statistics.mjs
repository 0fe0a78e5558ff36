/** @returns {{median: number, min: number, max: number}} */
export function summarize(values) {
  const sorted = [...values].sort((one, other) => one - other)
  const half = sorted.length / 2
  // Of an even number of values, the middle between the two in the middle.
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

/** Each value by its partner of the same turn. */
export function ratios(values, partners) {
  return values.map((value, turn) => value / partners[turn])
}
