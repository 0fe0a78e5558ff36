import { describe, expect, it } from '@jest/globals'
import { forgettable } from '../../../src/dockerfile/cache-key-gaps.js'
import { analysisOf } from '../helpers.js'

const HEREDOC = 'FROM a\nRUN <<E\nx\nE'
const HEREDOC_WITH_ARG = 'FROM a\nARG A\nRUN <<E\nx\nE'
const mount = (options: string) => `FROM a AS one\nRUN x\nFROM b\nRUN --mount=${options},target=/s make`

interface More {
  readonly annotations?: string[]
  readonly contexts?: string[]
  readonly hasTimestamp?: boolean
}

/** What Buildah is said to forget, without the beginning that they share. */
function forgotten(text: string, buildah: string, more: More = {}) {
  const names = more.contexts ?? []
  const contexts = names.map((name) => ({ name, value: 'docker-image://a' }))
  const said = forgettable(analysisOf(text, { contexts: names }), { buildah, annotations: [], ...more, contexts })
  return said?.replace(`Buildah ${buildah} does not compare `, '')
}

describe('forgettable', () => {
  it.each<[text: string, buildah: string, what: string | undefined]>([
    // Each of these was built, changed, and built again by the versions named.
    ['FROM a\nARG V\nENV X=$V', '1.43.2', 'Dockerfile line 3: the value of $V in ENV'],
    ['FROM a\nARG V\nLABEL x="${V:-1}"', '1.28.2', 'Dockerfile line 3: the value of $V in LABEL'],
    ['ARG V\nFROM a\nWORKDIR /w$V', '1.39.3', 'Dockerfile line 3: the value of $V in WORKDIR'],
    ['FROM a\nARG V\nCOPY a /$V', '1.33.7', 'Dockerfile line 3: the value of $V in COPY'],
    ['FROM a\nENV X=$HTTP_PROXY', '1.43.2', 'Dockerfile line 2: the value of $HTTP_PROXY in ENV'],
    ['FROM a\nENV X=$no_proxy', '1.43.2', 'Dockerfile line 2: the value of $no_proxy in ENV'],
    ['FROM a\nARG HTTP_PROXY=x\nRUN curl', '1.43.2', 'Dockerfile line 2: the value of HTTP_PROXY, which has a default'],
    [HEREDOC, '1.33.7', 'Dockerfile line 2: the text of a heredoc in RUN'],
    [HEREDOC, '1.35.0', undefined],
    [HEREDOC, '1.39.3', undefined],
    [HEREDOC_WITH_ARG, '1.39.3', 'Dockerfile line 3: the text of a heredoc in RUN'],
    [HEREDOC_WITH_ARG, '1.40.0', undefined],
    [mount('type=bind,source=x'), '1.33.7', 'Dockerfile line 4: everything that RUN --mount mounts'],
    [mount('type=bind,source=x'), '1.39.3', undefined],
    [mount('source=x'), '1.43.2', 'Dockerfile line 4: everything that RUN --mount mounts'],
    [mount('type=bind,from=one'), '1.43.2', 'Dockerfile line 4: everything that RUN --mount mounts'],
    [mount('type=bind,from=c:1'), '1.43.2', undefined],
    [mount('type=cache,from=one'), '1.43.2', 'Dockerfile line 4: everything that RUN --mount mounts'],
    // what is compared
    [mount('type=cache'), '1.28.2', undefined],
    ['FROM a\nARG V\nRUN echo $V', '1.28.2', undefined],
    ['FROM a\nARG V\nENV X=$PATH:/x', '1.28.2', undefined],
    ['FROM a\nENV X=$V\nARG V', '1.28.2', undefined],
    ['ARG V\nFROM a:$V\nARG W=$V', '1.28.2', undefined],
    ['FROM a\nARG V\nCMD echo $V', '1.28.2', undefined],
    ['FROM a\nARG V\nCOPY --from=$V a b', '1.28.2', undefined],
    ['FROM a AS b\nARG V\nFROM b\nENV X=$V', '1.28.2', undefined],
    ['FROM a\nARG HTTP_PROXY\nRUN curl', '1.28.2', undefined],
    ['FROM a\nCOPY a b\nRUN x\nCMD y', '1.28.2', undefined],
    ['', '1.28.2', undefined],
  ])('%j with Buildah %s: %s', (text, buildah, what) => {
    expect(forgotten(text, buildah)).toBe(what)
  })

  it('names annotations before 1.41', () => {
    const annotations = ['a=1']
    expect(forgotten('FROM a', '1.40.1', { annotations })).toBe('annotations')
    expect(forgotten('FROM a', '1.41.0', { annotations })).toBeUndefined()
  })

  it('names the time of the image before 1.42', () => {
    expect(forgotten('FROM a', '1.41.5', { hasTimestamp: true })).toBe('the time of the image')
    expect(forgotten('FROM a', '1.42.0', { hasTimestamp: true })).toBeUndefined()
  })

  it('knows further build contexts in the place of what FROM names', () => {
    const what = 'Dockerfile line 1: the image that a build context puts in the place of a'
    expect(forgotten('FROM a\nRUN x', '1.43.2', { contexts: ['a'] })).toBe(what)
    expect(forgotten('FROM a\nRUN x', '1.43.2', { contexts: ['b'] })).toBeUndefined()
  })

  it('knows further build contexts', () => {
    const text = mount('type=bind,from=other')
    expect(forgotten(text, '1.43.2', { contexts: ['other'] })).toBe(
      'Dockerfile line 4: everything that RUN --mount mounts',
    )
  })
})
