/** Does something for each of a list, so many at a time, in the order of the list. Rejects with the first that does. */
export async function inParallel<T>(
  list: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = list.entries()
  const worker = async () => {
    for (const [index, one] of rest) await work(one, index)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker))
}
