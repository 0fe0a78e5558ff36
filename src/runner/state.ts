import { getState, saveState } from '@actions/core'

/** What `post` needs in order to clean up. */
export interface State {
  /** Private folder of this step, absolute. */
  readonly folder: string
  /** Command line before `rm` that lets it delete files of subordinate users; empty when none is needed. */
  readonly unshare: readonly string[]
  /** The machine is thrown away after the job, and the storage may go with it. */
  readonly keepStorage: boolean
  /** Folders of what came from caches and goes there, absolute: each platform has its own. */
  readonly stagingDirs: readonly string[]
  /** Files in them that say what is to be kept after the job's other steps. */
  readonly later: readonly string[]
}

/** Passes facts to the post step. A later call keeps what it doesn't name, and adds to `stagingDirs` and `later`. */
export type Remember = (state: Partial<State>) => void

const NAME = 'rootless-image-build'

/** Starts with an empty state. */
export function stateWriter(): Remember {
  let state: State = { folder: '', unshare: [], keepStorage: false, stagingDirs: [], later: [] }
  return (part) => {
    const { stagingDirs = [], later = [] } = part
    state = {
      ...{ ...state, ...part },
      stagingDirs: [...state.stagingDirs, ...stagingDirs],
      later: [...state.later, ...later],
    }
    if (state.folder !== '') saveState(NAME, state)
  }
}

/** The state that `main` wrote, undefined when it wrote none (it failed before it made anything). */
export function readState(text: string = getState(NAME)): State | undefined {
  if (text === '') return undefined
  const value: unknown = JSON.parse(text)
  if (!isState(value)) throw new Error(`the state saved by main is not in the format that post reads: ${text}`)
  return value
}

function isState(value: unknown): value is State {
  if (typeof value !== 'object' || value === null) return false
  const { folder, unshare, keepStorage, stagingDirs, later } = value as Record<string, unknown>
  return (
    typeof folder === 'string' &&
    folder.startsWith('/') &&
    Array.isArray(unshare) &&
    unshare.every((word) => typeof word === 'string') &&
    typeof keepStorage === 'boolean' &&
    isPaths(stagingDirs) &&
    isPaths(later)
  )
}

function isPaths(value: unknown): boolean {
  return Array.isArray(value) && value.every((path) => typeof path === 'string' && path.startsWith('/'))
}
