import { declarationsOf } from './arguments.js'
import type { Dockerfile, Stage } from './dockerfile.js'

const VARIABLE = /\$\{[^}]*\}|\$\w+/g

/**
 * Indices of the stages that the FROM of a stage may mean: none for an image, and all before it where a variable stands
 * in the way of knowing. Pure.
 */
export function basesOf(
  { globals, stages }: Dockerfile,
  stage: Stage,
  buildArgs: ReadonlyMap<string, string>,
): number[] {
  const defaults = new Map(globals.flatMap(declarationsOf).map(({ name, value = '' }) => [name, value]))
  const [, name = ''] = /^\$\{?(\w+)\}?$/.exec(stage.base) ?? []
  const base = (buildArgs.get(name) ?? defaults.get(name)?.replace(/^(["'])(.*)\1$/, '$2') ?? stage.base).toLowerCase()
  // No stage has a tag, a registry or a digest in its name.
  if (/[:/@]/.test(base.replace(VARIABLE, ''))) return []
  const means = (other: Stage, index: number) =>
    base.includes('$') || base === String(index) || base === other.name?.toLowerCase()
  const earlier = stages.slice(0, stages.indexOf(stage))
  return earlier.flatMap((other, index) => (means(other, index) ? [index] : []))
}
