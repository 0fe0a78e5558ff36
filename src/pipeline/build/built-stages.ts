import type { BuiltStages } from '../../engine/engine.js'
import type { Layers } from '../../up-to-date/copied-layers.js'

/** Stages that are built, with what must be known of an image that has something of them. */
export interface ReadyStages extends BuiltStages {
  /** What their steps have put into them. */
  readonly layers: Layers
  /** Full names of all images in the storage that they were built in. */
  readonly imageNames: () => Promise<ReadonlySet<string>>
}

/**
 * Stages that several builds have in common. They are built when the first one asks, and stay until the last has ended;
 * undefined where each must build them itself after all.
 */
export type StagesOnDemand = () => Promise<ReadyStages | undefined>
