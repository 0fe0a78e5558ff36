import { describe, expect, it } from '@jest/globals'
import { comparedMounts, contextMounts, linkMounts } from '../../../src/dockerfile/compared-mounts.js'
import { analysisOf } from '../helpers.js'

describe('what Buildah compares of a mount', () => {
  // The names of stages and contexts, as the engine takes them: those of stages that come later are names of images.
  it.each<[mount: string, kind: string]>([
    ['type=bind,from=one', 'unknown'],
    ['type=bind,from=0', 'unknown'],
    ['type=bind,from=ONE', 'unknown'],
    ['type=bind,from=later', 'own'],
    ['type=bind,from=image:1', 'own'],
    ['type=bind,from=context', 'unknown'],
    ['type=bind,from=', 'link'],
    ['type=cache,from=one', 'unknown'],
    ['type=cache', 'own'],
  ])('%s: %s', (mount, kind) => {
    const text = `FROM a AS one\nFROM b\nRUN --mount=${mount},target=/m x\nFROM c AS later`
    const step = analysisOf(text, { contexts: ['context'] }).stages[1]?.steps[0]
    expect(step && comparedMounts(step, '1.43.2').map((known) => known.kind)).toStrictEqual([kind])
  })
})

describe('mounts of the context', () => {
  it.each<[mounts: string[], buildah: string, digests: string[], links: string[]]>([
    [['type=bind,source=a', 'source=b', 'type=bind,src=c'], '1.38.0', ['a', 'b', 'c'], []],
    [['type=bind,source=a', 'source=b', 'type=bind,src=c'], '1.39.0', ['b'], ['a', 'c']],
    [['target=/s,type=bind,readonly', 'type=bind,source=a,src=b'], '1.28.2', ['.', 'b'], []],
    [['type=bind,source=a', 'rw,source=a,type=bind'], '1.28.2', ['a'], []],
    [
      ['type=bind,source=$V', 'type=bind,from=x,source=a', 'type=cache,source=b', 'type=secret,source=c'],
      '1.28.2',
      [],
      [],
    ],
  ])('%j with Buildah %s: %j, links %j', (mounts, buildah, digests, links) => {
    const analysis = analysisOf(`FROM a\n${mounts.map((own) => `RUN --mount=${own} x`).join('\n')}`)
    expect(contextMounts(analysis, buildah)).toStrictEqual(digests)
    expect(linkMounts(analysis, buildah)).toStrictEqual(links)
  })

  it('are those of RUN alone, of all stages, and of all flags of a step', () => {
    const text =
      'FROM a\nCOPY --mount=source=a b c\nRUN --mount=source=b --network=none --mount=source=c x\nFROM d\nRUN --mount=source=e x'
    expect(contextMounts(analysisOf(text), '1.28.2')).toStrictEqual(['b', 'c', 'e'])
  })
})
