import type { Entries } from './backends/entries.js'
import type { Limits } from './containers-storage/retention.js'

/** What the cache of a build is made of, where it lies with a service. */
export interface RemoteOptions {
  readonly entries: Entries
  /** Private folder of this process, absolute, beside that of the build. */
  readonly stagingDir: string
  readonly scope: string
  /** Whose indexes to look for: the own one, under which this run writes, first. */
  readonly refs: readonly string[]
  readonly unique: string
  readonly read: boolean
  readonly write: boolean
  readonly mounts: boolean
  readonly limits: Limits
  readonly deadlineMs: number
}

/** What it is made of, where it is a folder of a machine that stays. */
export interface DirectoryOptions {
  /** Absolute; folders of scopes are made in it. */
  readonly directory: string
  readonly scope: string
  /** Private folder of this process, absolute, beside that of the build. */
  readonly stagingDir: string
  /** Whose indexes and notes to look for: the own ones, under which this run writes, first. */
  readonly refs: readonly string[]
  readonly read: boolean
  readonly write: boolean
  readonly mounts: boolean
  readonly limits: Limits
}
