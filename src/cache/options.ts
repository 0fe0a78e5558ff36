import type { RepositoryTerms } from '../artifact-repository.js'
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

/** By this, post opens a service again; nothing of it is secret. */
export type Backend = { readonly kind: 'github' } | RegistryBackend

export interface RegistryBackend {
  readonly kind: 'registry'
  /** Repositories that are read, in this order; each `ghcr.io/acme/web-cache`. */
  readonly from: readonly string[]
  /** The one that is written; undefined if none is. */
  readonly to: string | undefined
  readonly terms: RepositoryTerms
  /** Whose entries these are, for a person who looks at a manifest. */
  readonly title: string
  /** After this time without a new index, those of a branch are removed. */
  readonly ttlMs: number
}

/** The same where it lies with a service, in archives. */
export interface ArchiveOptions extends CacheOptions {
  readonly backend: Backend
  readonly entries: Entries
  /** Entries that only indexes are looked for in, after those. */
  readonly further?: readonly Entries[]
  readonly unique: string
  readonly deadlineMs: number
  /** Whether layers may be saved and restored as skeletons, too. */
  readonly skeletons: boolean
}

/** The same where it is a folder of a machine that stays. */
export interface DirectoryOptions extends CacheOptions {
  /** Absolute; folders of scopes are made in it. */
  readonly directory: string
}
