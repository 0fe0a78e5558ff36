import { describe, expect, it } from '@jest/globals'
import { withMountTargets } from '../../../src/dockerfile/mount-targets.js'

describe('a mount without a target', () => {
  it.each<[run: string, rewritten: string]>([
    ['RUN --mount=type=bind,src=src shellcheck *', 'RUN --mount=type=bind,src=src,target=. shellcheck *'],
    ['run --mount=source=a true', 'run --mount=source=a,target=. true'],
    [
      'RUN --mount=target=/root/.cache,type=cache \\\n  # a remark\n  --mount=type=bind go build .',
      'RUN --mount=target=/root/.cache,type=cache \\\n  # a remark\n  --mount=type=bind,target=. go build .',
    ],
    [
      'RUN --mount=type=tmpfs --mount=type=tmpfs true',
      'RUN --mount=type=tmpfs,target=. --mount=type=tmpfs,target=. true',
    ],
    [
      'RUN --mount=type=bind,source=${DIR} <<E\n--mount=type=bind\nE',
      'RUN --mount=type=bind,source=${DIR},target=. <<E\n--mount=type=bind\nE',
    ],
  ])('gets the working directory: %j', (run, rewritten) => {
    expect(withMountTargets(`FROM a\n${run}\n`)).toBe(`FROM a\n${rewritten}\n`)
  })

  it.each([
    'RUN --mount=type=bind,target=/x true',
    'RUN --mount=type=cache,dst=/x true',
    'RUN --mount=destination=. true',
    'RUN --mount=type=secret,id=a --mount=type=ssh true',
    'RUN echo --mount=type=bind',
    'RUN --mount=type=${TYPE} true',
  ])('is not in %j', (run) => {
    expect(withMountTargets(`FROM a\n${run}\n`)).toBeUndefined()
  })
})
