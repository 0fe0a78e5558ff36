/** What is asked for the first time is found, and kept unless that failed. */
export function once<T>(known: Map<string, Promise<T>>, key: string, find: () => Promise<T>): Promise<T> {
  const kept = known.get(key)
  if (kept !== undefined) return kept
  const promise = find()
  known.set(key, promise)
  promise.catch(() => known.delete(key))
  return promise
}
