import { getState, saveState } from '@actions/core'

/** What `post` needs in order to clean up. */
export interface State {
  /** Private folder of this step, absolute. */
  readonly folder: string
  /** Command line before `rm` that lets it delete files of subordinate users; empty when none is needed. */
  readonly unshare: readonly string[]
  /** The machine is thrown away after the job, and the storage may go with it. */
  readonly keepStorage: boolean
  /** Folder of what came from the cache and goes there, absolute. */
  readonly stagingDir: string | undefined
  /** Files in it that say what is to be kept after the job's other steps. */
  readonly later: readonly string[]
}

/** Passes facts to the post step. A later call keeps what it doesn't name, and adds to `later`. */
export type Remember = (state: Partial<State>) => void

const NAME = 'rootless-image-build'

/** Starts with an empty state. */
export function stateWriter(): Remember {
  let state: State = { folder: '', unshare: [], keepStorage: false, stagingDir: undefined, later: [] }
  return (part) => {
    state = { ...state, ...part, later: [...state.later, ...(part.later ?? [])] }
    if (state.folder !== '') saveState(NAME, state)
  }
}

/** The state that `main` wrote, undefined when it wrote none (it failed before it made anything). */
export function readState(text: string = getState(NAME)): State | undefined {
  if (text === '') return undefined
  const value: unknown = JSON.parse(text)
  if (!isState(value)) throw new Error(`the state saved by main is not in the format that post reads: ${text}`)
  return { ...value, stagingDir: value.stagingDir }
}

function isState(value: unknown): value is State {
  if (typeof value !== 'object' || value === null) return false
  const { folder, unshare, keepStorage, stagingDir, later } = value as Record<string, unknown>
  return (
    typeof folder === 'string' &&
    folder.startsWith('/') &&
    Array.isArray(unshare) &&
    unshare.every((word) => typeof word === 'string') &&
    typeof keepStorage === 'boolean' &&
    Array.isArray(later) &&
    later.every(isPath) &&
    (stagingDir === undefined || isPath(stagingDir))
  )
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/')
}
