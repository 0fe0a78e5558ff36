import { getState, saveState } from '@actions/core'

/** What `post` must know to leave nothing behind. */
export interface State {
  /** Private folder of this step, absolute. */
  readonly folder: string
  /** Command line before `rm` that lets it delete files of subordinate users; empty when none is needed. */
  readonly unshare: readonly string[]
  /** The machine is thrown away after the job, and the storage may go with it. */
  readonly keepStorage: boolean
}

const NAME = 'rootless-image-build'

/** Hands `state` to the post step. A later call replaces an earlier one. */
export function writeState(state: State): void {
  saveState(NAME, state)
}

/** The state that `main` wrote, undefined when it wrote none (it failed before it made anything). */
export function readState(text: string = getState(NAME)): State | undefined {
  if (text === '') return undefined
  const value: unknown = JSON.parse(text)
  if (!isState(value)) throw new Error(`the state that main left is not in the form that post reads: ${text}`)
  return value
}

function isState(value: unknown): value is State {
  if (typeof value !== 'object' || value === null) return false
  const { folder, unshare, keepStorage } = value as Record<string, unknown>
  return (
    typeof folder === 'string' &&
    folder.startsWith('/') &&
    Array.isArray(unshare) &&
    unshare.every((word) => typeof word === 'string') &&
    typeof keepStorage === 'boolean'
  )
}
