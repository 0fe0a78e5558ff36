import type { FoundEngine, ResolvedEngine } from './engine.js'

/** An engine of which all is known. */
export function asReady(engine: ResolvedEngine): FoundEngine {
  return { ...engine, isReady: true, ready: () => Promise.resolve(engine) }
}
