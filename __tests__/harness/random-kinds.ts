import type { Tree } from './staleness-tree.js'

/** A text that differs between the two variants where this is the instruction that changes. */
interface Slot {
  readonly i: number
  readonly text: string
  /** Chooses among what is alike. */
  readonly seed: number
  /** Name of the stage that files may be taken from; undefined if there is none. */
  readonly from: string | undefined
  readonly base: string
}

interface Written {
  readonly line: string
  readonly files?: Tree
}

export interface Kind {
  readonly write: (slot: Slot) => Written
  /** The first Buildah that knows it. */
  readonly since?: string
  /** Whether only the versions of Buildah tell if its step runs again. */
  readonly isUncertain?: true
  /** Whether only Docker's format has it. */
  readonly isOfDocker?: true
}

export function isNew(text: string): boolean {
  return text.endsWith('new')
}

export function modeOf(text: string): number {
  return isNew(text) ? 0o755 : 0o640
}
