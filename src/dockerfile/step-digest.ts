import { createHash } from 'node:crypto'

/** The key of what comes after a step; none where the step has none. Pure. */
export function extend(key: string | undefined, parts: readonly string[]): string | undefined {
  return key === undefined ? undefined : digest([key, ...parts])
}

/** Digest of a list of texts, which no other list has. Pure. */
export function digest(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part};`)
  return hash.digest('hex')
}
