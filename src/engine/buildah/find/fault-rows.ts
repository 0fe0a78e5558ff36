import { type FaultName, KNOWN_WRONG, type KnownWrong } from '../../../dockerfile/known-wrong.js'

/** An occurrence of a fault. */
export interface Finding {
  /** Line of the Dockerfile; undefined if the fault concerns the whole build. */
  readonly line?: number
  /** What exactly, if the row alone doesn't say it: `/data`. */
  readonly detail?: string
}

export type Find<Facts> = (facts: Facts) => readonly Finding[]

/** The rows of these faults, each with its finder. */
export function rowsOf<Facts>(
  finders: Partial<Record<FaultName, Find<Facts>>>,
): (KnownWrong & { readonly name: FaultName; readonly find: Find<Facts> })[] {
  return (Object.entries(finders) as [FaultName, Find<Facts>][]).map(([name, find]) => ({
    ...KNOWN_WRONG[name],
    name,
    find,
  }))
}

/** What a row says, with its place in the Dockerfile. */
export function placed({ line, detail }: Finding, what: string): string {
  const whole = detail === undefined ? what : `${what}, ${detail}`
  return line === undefined ? whole : `Dockerfile line ${line}: ${whole}`
}
