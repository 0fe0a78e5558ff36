/**
 * Does something for each of a list, so many at a time, in the order of the list. After a failure nothing more is begun,
 * and it rejects with that failure once all that was begun has ended: whoever cleans up then is alone.
 */
export async function mapConcurrent<T>(
  list: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = list.entries()
  const failures: { readonly reason: unknown }[] = []
  const worker = async () => {
    for (const [index, one] of rest) {
      try {
        await work(one, index)
      } catch (reason) {
        failures.push({ reason })
      }
      if (failures.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker))
  if (failures[0] !== undefined) throw failures[0].reason
}

/** A gate that lets so many through at a time, in the order in which they come. */
export function limiter(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let inside = 0
  return async (work) => {
    if (inside === atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else inside += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) inside -= 1
      else next()
    }
  }
}
