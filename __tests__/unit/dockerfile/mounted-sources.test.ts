import { describe, expect, it } from '@jest/globals'
import { mountedSources } from '../../../src/dockerfile/mounted-sources.js'
import { analysisOf } from '../helpers.js'

describe('what RUN mounts of the context', () => {
  it.each<[what: string, lines: readonly string[], sources: readonly string[]]>([
    ['as it is written', ['RUN --mount=type=bind,source=a/b,target=/b x'], ['a/b']],
    ['all of it', ['RUN --mount=target=/b x'], ['.']],
    ['each once', ['RUN --mount=source=a,target=/b x', 'RUN --mount=source=a,target=/c x'], ['a']],
    ['by the default of an argument', ['ARG V=a', 'RUN --mount=source=$V/b,target=/b x'], ['a/b']],
    ['by what is given for one', ['ARG GIVEN=a', 'RUN --mount=source=${GIVEN},target=/b x'], ['given']],
    ['by the environment', ['ENV V=a', 'RUN --mount=source=$V,target=/b x'], ['a']],
    ['by what holds there', ['ENV V=a', 'RUN --mount=source=$V,target=/b x', 'ENV V=b'], ['a']],
    ['where ONBUILD puts it off', ['ONBUILD RUN --mount=source=a,target=/b x'], ['a']],
    ['but nothing that only the base image knows', ['RUN --mount=source=$V,target=/b x'], []],
    ['but nothing of a stage', ['RUN --mount=from=x,source=a,target=/b x'], []],
    ['but no cache', ['RUN --mount=type=cache,source=a,target=/b x'], []],
  ])('%s', (_, lines, sources) => {
    const analysis = analysisOf(['FROM x', ...lines].join('\n'), { buildArgs: { GIVEN: 'given' } })
    expect(mountedSources(analysis)).toStrictEqual(sources)
  })
})
