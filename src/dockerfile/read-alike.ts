import { withMountTargets } from './mount-targets.js'
import { withoutPlatformDefaults } from './platform-defaults.js'
import { withStagesSpelled } from './stage-spelling.js'
import type { Values } from './variables.js'

/**
 * The text of a Dockerfile in a form that all releases of Buildah read as BuildKit reads it; undefined where it has it. Pure.
 * @param automatic what the engine declares by itself
 */
export function readAlike(text: string, automatic: Values): string | undefined {
  const spelled = withStagesSpelled(text)
  const placed = withMountTargets(spelled ?? text) ?? spelled
  return withoutPlatformDefaults(placed ?? text, automatic) ?? placed
}
