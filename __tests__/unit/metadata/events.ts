import type { NameContext } from '../../../src/metadata/ref-context.js'

export const sha = '8c3d1f0a5b6e7d9c0123456789abcdef01234567'
export const headSha = 'feedc0de5b6e7d9c0123456789abcdef01234567'

/** A push to the default branch; a row says what is different. */
export function context(changes: Partial<NameContext> = {}): NameContext {
  return {
    eventName: 'push',
    ref: 'refs/heads/main',
    sha,
    defaultBranch: 'main',
    repository: {
      name: 'web',
      description: 'The shop window',
      url: 'https://github.com/acme/web',
      license: 'Apache-2.0',
    },
    now: new Date('2026-03-07T21:05:09.042Z'),
    commitDate: new Date('2026-02-28T23:30:00.000Z'),
    ...changes,
  }
}

const queue = 'refs/heads/gh-readonly-queue/main/pr-7-8c3d1f0a5b6e7d9c0123456789abcdef01234567'
const pull = { baseRef: 'release/1.x', prNumber: 7, prHeadSha: headSha }

/** The events that start a run, as a runner gives them. */
export const events = {
  main: context(),
  topic: context({ ref: 'refs/heads/feature/Login_page' }),
  tag: context({ ref: 'refs/tags/v1.4.2', baseRef: 'refs/heads/main' }),
  rc: context({ ref: 'refs/tags/v2.0.0-rc.1' }),
  fork: context({ eventName: 'pull_request', ref: 'refs/pull/7/merge', ...pull }),
  target: context({ eventName: 'pull_request_target', ref: 'refs/heads/release/1.x', ...pull }),
  schedule: context({ eventName: 'schedule' }),
  release: context({ eventName: 'release', ref: 'refs/tags/v1.4.2' }),
  dispatch: context({ eventName: 'workflow_dispatch', ref: 'refs/heads/dev' }),
  queue: context({ eventName: 'merge_group', ref: queue }),
  delete: context({ eventName: 'delete' }),
} satisfies Record<string, NameContext>

export type EventName = keyof typeof events
