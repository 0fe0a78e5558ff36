import type { ContainersStorage } from '../build-storage.js'
import type { Lock } from './backends/lock.js'
import type { DirectoryOptions } from './options.js'
import type { Tools } from './containers-storage/archive.js'

/** Everything about the folder of one scope, while its lock is held. */
export interface Place extends DirectoryOptions {
  readonly folder: string
  /** What the build sees: what it is offered, and what it makes. */
  readonly root: string
  /** What other builds will be offered, out of the sight of this one. */
  readonly aside: string
  readonly store: ContainersStorage
  readonly tools: Tools
  readonly lock: Lock
}
