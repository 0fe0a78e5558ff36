import { printGroup, info } from '../log.js'
import { BUILD, TEST, type Timeline } from '../report/timeline.js'

/**
 * The same timeline, whose phases show in the log with the time that they took. The build and the tests print as they go, into
 * groups of their own; so their times stand behind.
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
      if (name !== BUILD && name !== TEST)
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
