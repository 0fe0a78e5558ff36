/**
 * The path that was most likely meant: one whose spelling differs in a few letters, or one of the same name elsewhere.
 * Undefined where nothing is like it. Pure.
 */
export function nearest(wanted: string, paths: readonly string[]): string | undefined {
  const name = nameOf(wanted)
  const limit = Math.max(1, Math.floor(wanted.length / 4))
  const close = (path: string) => nameOf(path).toLowerCase() === name.toLowerCase()
  const ranked = paths.flatMap((path) => {
    const far = distance(wanted.toLowerCase(), path.toLowerCase(), limit)
    if (far <= limit) return [{ path, rank: far }]
    // Behind everything that is nearly the same path.
    return close(path) ? [{ path, rank: limit + path.split('/').length }] : []
  })
  return ranked.sort((one, other) => one.rank - other.rank)[0]?.path
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** How many letters have to be put in, taken away, exchanged or swapped; Infinity where it is more than `limit`. */
function distance(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) > limit) return Infinity
  let [before, last]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)]
  for (let row = 1; row <= one.length; row += 1) {
    const line = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1]
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      line[column] = Math.min(
        (last[column] ?? Infinity) + 1,
        (line[column - 1] ?? Infinity) + 1,
        (last[column - 1] ?? Infinity) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? Infinity) + 1 : Infinity,
      )
    }
    if (Math.min(...line) > limit) return Infinity
    ;[before, last] = [last, line]
  }
  return last[other.length] ?? Infinity
}
