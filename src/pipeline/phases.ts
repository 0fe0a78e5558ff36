import { printGroup, info } from '../log.js'
import { BUILD } from '../report/summary.js'
import type { Timeline } from '../report/timeline.js'

/**
 * The same timeline, whose phases show in the log with the time that they took. The build prints as it goes, into a group
 * of its own; so its time stands behind.
 */
export function shown(timeline: Timeline, platform?: string): Timeline {
  const titleOf = (name: string) => {
    const seconds =
      timeline.phases().findLast((phase) => phase.name === name && phase.platform === platform)?.seconds ?? 0
    return `${name.charAt(0).toUpperCase()}${name.slice(1)}: ${seconds.toFixed(1)} s`
  }
  return {
    ...timeline,
    async during(name, work) {
      if (name !== BUILD)
        return await printGroup(
          () => titleOf(name),
          () => timeline.during(name, work),
        )
      try {
        return await timeline.during(name, work)
      } finally {
        info(titleOf(name))
      }
    },
    of: (name) => shown(timeline.of(name), name),
  }
}
