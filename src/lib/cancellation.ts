/** The job was cancelled, which only this process can know of itself. */
let wasCancelled = false

/** From now on no program is started, and nothing is a warning: what fails now fails because of that. */
export function noteCancelled(): void {
  wasCancelled = true
}

export function isCancelled(): boolean {
  return wasCancelled
}

/** @throws Error when the job was cancelled */
export function refuseWhenCancelled(): void {
  if (wasCancelled) throw new Error('the job was cancelled')
}
