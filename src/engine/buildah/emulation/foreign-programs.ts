import type { RunStep } from '../../../dockerfile/run-steps.js'
import { formatPlatform, type Platform } from '../../../lib/platform.js'

/** What runs programs of a platform in a build: a RUN step, or the commands of the input `test`. */
export type Programs = RunStep | TestCommands

export interface TestCommands {
  readonly platform: Platform
  readonly input: 'test'
}

/** `2 RUN steps (lines 4, 7) and the commands of "test"`. Pure. */
export function programsIn(all: readonly Programs[]): string {
  const lines = all.filter(isStep).map(({ line }) => line)
  const [count, where] = lines.length === 1 ? ['1 RUN step', 'line'] : [`${lines.length} RUN steps`, 'lines']
  return [
    ...(lines.length === 0 ? [] : [`${count} (${where} ${lines.join(', ')})`]),
    ...(all.every(isStep) ? [] : ['the commands of "test"']),
  ].join(' and ')
}

/** As the subject of a sentence. Pure. */
export function subjectOf(one: Programs): string {
  return isStep(one)
    ? `Dockerfile line ${one.line} (RUN in stage ${JSON.stringify(one.stage)}) runs`
    : 'the commands of "test" run'
}

/** By the platform that they are for, in the order of the Dockerfile. Pure. */
export function byPlatform(all: readonly Programs[]): ReadonlyMap<string, readonly Programs[]> {
  const groups = new Map<string, Programs[]>()
  for (const one of all) {
    const name = formatPlatform(one.platform)
    groups.set(name, [...(groups.get(name) ?? []), one])
  }
  return groups
}

function isStep(one: Programs): one is RunStep {
  return 'line' in one
}
