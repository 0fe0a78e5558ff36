import { endProcessTree, followProcessTree } from './process-tree.js'

/** The job was cancelled, which only this process can know of itself. */
let wasCancelled = false

/**
 * Ends all programs of this process, asking first. From now on none is started, and nothing is a warning: what fails now fails
 * because of that.
 */
export async function endForGood(graceMs: number): Promise<void> {
  wasCancelled = true
  await endProcessTree(followProcessTree(), graceMs)
}

export function isCancelled(): boolean {
  return wasCancelled
}

/** @throws Error when the job was cancelled */
export function refuseWhenCancelled(): void {
  if (wasCancelled) throw new Error('the job was cancelled')
}
