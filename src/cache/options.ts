import type { Entries } from './backends/entries.js'
import type { Limits } from './containers-storage/retention.js'

/** What the cache of a build is made of, wherever it lies. */
export interface CacheOptions {
  readonly scope: string
  /** Private folder of this process, absolute, next to that of the build. */
  readonly stagingDir: string
  /** Whose indexes and records to look for: the own ones, under which this run writes, first. */
  readonly refs: readonly string[]
  readonly read: boolean
  readonly write: boolean
  readonly mounts: boolean
  readonly limits: Limits
}

/** The same where it lies with a service, in archives. */
export interface ArchiveOptions extends CacheOptions {
  /** By this name post opens the service again. */
  readonly backend: 'github'
  readonly entries: Entries
  readonly unique: string
  readonly deadlineMs: number
}

/** The same where it is a folder of a machine that stays. */
export interface DirectoryOptions extends CacheOptions {
  /** Absolute; folders of scopes are made in it. */
  readonly directory: string
}
