import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type StageKeys, stepKeys, type StepInputs } from '../../../src/dockerfile/step-keys.js'
import { runs } from '../../harness/properties.js'
import { analysisOf } from '../helpers.js'

type Changes = Omit<Partial<StepInputs>, 'buildArgs' | 'proxies' | 'contextDigests' | 'copied'> & {
  readonly args?: Record<string, string>
  readonly digests?: Record<string, string>
  readonly copied?: Record<string, string>
  readonly proxies?: Record<string, string>
  readonly target?: number
}

function keysOf(text: string, changes: Changes = {}): StageKeys[] {
  const { args = {}, digests = {}, copied = {}, proxies = {}, target, ...more } = changes
  const contexts = (more.contexts ?? []).map(({ name }) => name)
  const analysis = analysisOf(text, { buildArgs: args, contexts })
  const stepInputs: StepInputs = {
    ...{ seed: ['amd64', 'oci'], annotations: [], labels: [], buildah: '1.33.7', contexts: [] },
    buildArgs: new Map(Object.entries(args)),
    contextDigests: new Map(Object.entries(digests)),
    copied: new Map(Object.entries(copied)),
    proxies: new Map(Object.entries(proxies)),
    ...more,
  }
  return stepKeys(analysis, stepInputs, target ?? analysis.stages.length - 1)
}

/** The keys of the last stage. */
const lastOf = (stages: readonly StageKeys[]) => stages.at(-1)?.keys ?? []

/** The first step whose key isn't the same; fails where one behind it is the same again. */
function firstChange(before: readonly (string | undefined)[], after: readonly (string | undefined)[]) {
  const same = before.findIndex((key, index) => key !== after[index])
  if (same >= 0) expect(after.slice(same).filter((key) => before.includes(key))).toStrictEqual([])
  return same < 0 ? undefined : same
}

const labels = (...pairs: [string, string][]) => pairs.map(([name, value]) => ({ name, value }))
const RUN = 'RUN --mount=type=bind,source=src,target=/s make'

describe('stepKeys', () => {
  it.each<[what: string, text: string, before: Changes, after: Changes, step: number | undefined]>([
    // arguments
    ['an argument in ENV', 'FROM a\nARG V\nCOPY a b\nENV X=$V\nCMD x', { args: { V: '1' } }, { args: { V: '2' } }, 3],
    ['one in LABEL, in braces', 'FROM a\nARG V=3\nLABEL x=${V}', { args: {} }, { args: { V: '2' } }, 2],
    ['one in the place of COPY', 'FROM a\nARG V\nCOPY a /$V/', { args: { V: '1' } }, { args: { V: '2' } }, 2],
    ['one in a flag of COPY', 'FROM a\nARG V\nCOPY --chown=$V a b', { args: { V: '1' } }, { args: { V: '2' } }, 2],
    [
      'one within another one’s braces',
      'FROM a\nARG V\nENV X=${W:-y${V}}',
      { args: { V: '1' } },
      { args: { V: '2' } },
      2,
    ],
    ['one in RUN, unnamed', 'FROM a\nCOPY a b\nARG V\nRUN make', { args: { V: '1' } }, { args: { V: '2' } }, 3],
    [
      'one whose name is no variable',
      'FROM a\nARG my.arg-x\nRUN make',
      { args: { 'my.arg-x': '1' } },
      { args: { 'my.arg-x': '2' } },
      2,
    ],
    [
      'one that is declared behind RUN',
      'FROM a\nRUN make\nARG V\nCMD x',
      { args: { V: '1' } },
      { args: { V: '2' } },
      undefined,
    ],
    [
      'one that nothing names',
      'FROM a\nARG V\nCOPY a b\nENV X=1',
      { args: { V: '1' } },
      { args: { V: '2' } },
      undefined,
    ],
    ['one that isn’t declared', 'FROM a\nRUN echo $V', { args: { V: '1' } }, { args: { V: '2' } }, undefined],
    ['one of several in an ARG', 'FROM a\nARG U="x y" V=2\nENV X=$V', { args: { V: '1' } }, { args: {} }, 2],
    [
      'one by another one’s default',
      'FROM a\nARG U\nARG V=$U\nENV Y=1\nENV X=$V',
      { args: { U: '1' } },
      { args: { U: '2' } },
      4,
    ],
    [
      'one in the body of a heredoc of COPY',
      'FROM a\nARG V\nCOPY <<E /f\nx$V\nE\nCMD x',
      { args: { V: '1' } },
      { args: { V: '2' } },
      2,
    ],
    [
      'one over several lines',
      'FROM a\nARG V\nENV X=1 \\\n  # no\n  Y=$V',
      { args: { V: '1' } },
      { args: { V: '2' } },
      2,
    ],
    ['one with escape', '# escape=`\nFROM a\nARG V\nENV X=1 `\n  Y=$V', { args: { V: '1' } }, { args: { V: '2' } }, 2],
    ['a proxy in ENV', 'FROM a\nENV X=$HTTP_PROXY', { args: { HTTP_PROXY: '1' } }, { args: { HTTP_PROXY: '2' } }, 1],
    [
      'a proxy for RUN alone',
      'FROM a\nRUN curl',
      { args: { HTTP_PROXY: '1' }, proxies: { HTTPS_PROXY: '1' } },
      { args: { HTTP_PROXY: '2' }, proxies: { HTTPS_PROXY: '2' } },
      undefined,
    ],
    ['an argument that is given empty', 'FROM a\nARG V=1\nENV X=$V', { args: {} }, { args: { V: '' } }, 2],
    ['one in RUN that is given empty', 'FROM a\nARG V\nRUN make', { args: {} }, { args: { V: '' } }, 2],
    ['one in FROM that is given empty', 'ARG V=1\nFROM a:$V', { args: {} }, { args: { V: '' } }, 0],
    ['a global one that is given empty', 'ARG V=1\nFROM a\nARG V\nENV X=$V', { args: {} }, { args: { V: '' } }, 2],
    ['a proxy that RUN names', 'FROM a\nCOPY a b\nRUN $no_proxy', { args: { no_proxy: '1' } }, { args: {} }, 2],
    ['one that is given empty', 'FROM a\nCOPY a b\nRUN $no_proxy', { args: { no_proxy: '' } }, { args: {} }, 2],
    ['one in a heredoc', 'FROM a\nRUN <<E\n${NO_PROXY}\nE', { proxies: { NO_PROXY: '1' } }, { proxies: {} }, 1],
    [
      'one of the environment that is given beside it',
      'FROM a\nRUN $NO_PROXY',
      { args: { NO_PROXY: '1' }, proxies: { NO_PROXY: '1' } },
      { args: { NO_PROXY: '1' }, proxies: { NO_PROXY: '2' } },
      undefined,
    ],
    ['a proxy that is declared', 'FROM a\nARG HTTP_PROXY=x\nRUN curl', { args: { HTTP_PROXY: '1' } }, { args: {} }, 2],
    // in front of FROM
    ['an argument in FROM', 'ARG V=1\nFROM a:$V\nRUN x', { args: {} }, { args: { V: '2' } }, 0],
    ['a global one that is declared again', 'ARG V=1\nFROM a\nARG V\nENV X=$V', { args: {} }, { args: { V: '2' } }, 2],
    ['a global one by another', 'ARG U=1\nARG V=$U\nFROM a\nARG V\nENV X=$V', { args: {} }, { args: { U: '2' } }, 2],
    [
      'a global one that isn’t declared again',
      'ARG V=1\nFROM a\nARG W\nRUN x',
      { args: {} },
      { args: { V: '2' } },
      undefined,
    ],
    ['an argument of the platform', 'FROM --platform=$P a\nRUN x', { args: { P: '1' } }, { args: { P: '2' } }, 0],
    // further contexts
    [
      'another image in the place of what FROM names',
      'FROM lib\nRUN x',
      { contexts: [{ name: 'lib', value: 'docker-image://a:1' }] },
      { contexts: [{ name: 'lib', value: 'docker-image://a:2' }] },
      0,
    ],
    [
      'an image in its place, where there was none',
      'FROM lib\nRUN x',
      { contexts: [] },
      { contexts: [{ name: 'docker.io/library/lib:latest', value: 'docker-image://a:1' }] },
      0,
    ],
    [
      'an image in the place of a stage',
      'FROM a AS lib\nFROM lib\nRUN x',
      { contexts: [] },
      { contexts: [{ name: 'lib', value: 'docker-image://a:1' }] },
      0,
    ],
    [
      'an image in the place of what a variable names',
      'ARG V=lib\nFROM $V\nRUN x',
      { contexts: [{ name: 'lib', value: 'docker-image://a:1' }] },
      { contexts: [{ name: 'lib', value: 'docker-image://a:2' }] },
      0,
    ],
    [
      'a context that no FROM names',
      'FROM a\nCOPY --from=lib x y',
      { contexts: [{ name: 'lib', value: '../a' }] },
      { contexts: [{ name: 'lib', value: '../b' }] },
      undefined,
    ],
    // the build
    ['the seed', 'FROM a\nRUN x', { seed: ['amd64', 'oci'] }, { seed: ['arm64', 'oci'] }, 0],
    ['where the seed ends', 'FROM a\nRUN x', { seed: ['a', 'b'] }, { seed: ['ab'] }, 0],
    // mounts
    [
      'what a mount shows, before 1.39',
      `FROM a\nCOPY a b\n${RUN}\nCMD x`,
      { digests: { src: '1' } },
      { digests: { src: '2' } },
      2,
    ],
    [
      'what one without a type shows',
      `FROM a\n${RUN.replace('type=bind,', '')}`,
      { buildah: '1.43.2', digests: { src: '1' } },
      { buildah: '1.43.2', digests: { src: '2' } },
      1,
    ],
    [
      'what a mounted link shows',
      `FROM a\n${RUN}`,
      { buildah: '1.43.2', digests: { src: '1' } },
      { buildah: '1.43.2', digests: { src: '2' } },
      1,
    ],
    [
      'a digest that nothing needs',
      `FROM a\n${RUN}`,
      { digests: { src: '1', x: '1' } },
      { digests: { src: '1', x: '2' } },
      undefined,
    ],
    // annotations and labels
    ['the value of an annotation', 'FROM a\nCOPY a b\nENV X=1', { annotations: ['a=1'] }, { annotations: ['a=2'] }, 2],
    ['an annotation more', 'FROM a\nCOPY a b\nENV X=1', { annotations: ['a=1'] }, { annotations: ['a=1', 'b=2'] }, 0],
    ['the value of a label', 'FROM a\nCOPY a b', { labels: labels(['a', '1']) }, { labels: labels(['a', '2']) }, 2],
    ['a label more', 'FROM a\nCOPY a b', { labels: labels(['a', '1']) }, { labels: labels(['a', '1'], ['b', '2']) }, 2],
    [
      'the value of a label, before 1.30',
      'FROM a\nCOPY a b',
      { buildah: '1.28.2', labels: labels(['a', '1'], ['b', '1']) },
      { buildah: '1.28.2', labels: labels(['a', '1'], ['b', '2']) },
      3,
    ],
    [
      'a label more, before 1.30',
      'FROM a\nCOPY a b',
      { buildah: '1.28.2', labels: labels(['a', '1']) },
      { buildah: '1.28.2', labels: labels(['a', '1'], ['b', '2']) },
      0,
    ],
    [
      'the value of a label, before 1.24',
      'FROM a\nCOPY a b\nENV X=1',
      { buildah: '1.23.1', labels: labels(['a', '1']) },
      { buildah: '1.23.1', labels: labels(['a', '2']) },
      2,
    ],
    [
      'that of a target in the middle, before 1.30',
      'FROM a\nCOPY a b\nENV X=1\nFROM b',
      { buildah: '1.28.2', target: 0, labels: labels(['a', '1']) },
      { buildah: '1.28.2', target: 0, labels: labels(['a', '2']) },
      2,
    ],
  ])('changes with %s', (_, text, before, after, step) => {
    expect(firstChange(lastOf(keysOf(text, before)), lastOf(keysOf(text, after)))).toBe(step)
  })

  it.each<[what: string, before: string, after: string, step: number | undefined]>([
    [
      'the body of a heredoc of RUN',
      'FROM a\nARG A\nRUN <<E\none\nE\nCMD x',
      'FROM a\nARG A\nRUN <<E\ntwo\nE\nCMD x',
      2,
    ],
    ['white space in a heredoc', 'FROM a\nRUN <<E\n  x\nE', 'FROM a\nRUN <<E\n x\nE', 1],
    ['what looks like a comment in a heredoc', 'FROM a\nRUN <<E\n# x\nE', 'FROM a\nRUN <<E\n# y\nE', 1],
    ['the second of two heredocs', 'FROM a\nCOPY <<A <<B /\nx\nA\nx\nB', 'FROM a\nCOPY <<A <<B /\nx\nA\ny\nB', 1],
    ['an empty default in front of FROM', 'ARG V\nFROM a${V-b}', 'ARG V=\nFROM a${V-b}', 0],
    ['a default', 'FROM a\nARG V=1\nCMD x', 'FROM a\nARG V=2\nCMD x', 1],
    ['a global default', 'ARG V=1\nFROM a\nARG V\nENV X=$V', 'ARG V=2\nFROM a\nARG V\nENV X=$V', 2],
    ['a flag', 'FROM a\nCOPY --chown=1 a b', 'FROM a\nCOPY --chown=2 a b', 1],
    [
      'a flag among several',
      'FROM a\nCOPY --link --chmod=1 --from=b a b',
      'FROM a\nCOPY --link --chmod=2 --from=b a b',
      1,
    ],
    ['the platform in FROM', 'FROM --platform=x a\nRUN x', 'FROM --platform=y a\nRUN x', 0],
    ['the base', 'FROM a\nRUN x', 'FROM b\nRUN x', 0],
    ['a trigger', 'FROM a\nONBUILD ENV X=$V', 'FROM a\nONBUILD ENV X=$W', 1],
    ['a comment', 'FROM a\nRUN x \\\n # one\n y', '# two\nFROM a\n\nRUN x \\\n # three\n y', undefined],
    ['the name of the stage', 'FROM a AS b\nRUN x', 'FROM a AS c\nRUN x', undefined],
    // other stages
    ['the stage that it goes on from', 'FROM a AS b\nENV X=1\nFROM b\nRUN x', 'FROM a AS b\nENV X=2\nFROM b\nRUN x', 0],
    ['that stage, by its number', 'FROM a\nENV X=1\nFROM 0\nRUN x', 'FROM a\nENV X=2\nFROM 0\nRUN x', 0],
    ['that stage, in other letters', 'FROM a AS b\nENV X=1\nFROM B\nRUN x', 'FROM a AS b\nENV X=2\nFROM B\nRUN x', 0],
    [
      'that stage, by an argument',
      'ARG V=b\nFROM a AS b\nENV X=1\nFROM $V\nRUN x',
      'ARG V=b\nFROM a AS b\nENV X=2\nFROM $V\nRUN x',
      0,
    ],
    [
      'a stage that may be that',
      'FROM a AS b\nENV X=1\nFROM ${V:-b}\nRUN x',
      'FROM a AS b\nENV X=2\nFROM ${V:-b}\nRUN x',
      0,
    ],
    [
      'one by an argument with a variable',
      'ARG V=$W\nFROM a AS b\nENV X=1\nFROM $V',
      'ARG V=$W\nFROM a AS b\nENV X=2\nFROM $V',
      0,
    ],
    [
      'a stage beside it',
      'FROM a AS b\nENV X=1\nFROM c\nCOPY --from=b a b',
      'FROM a AS b\nENV X=2\nFROM c\nCOPY --from=b a b',
      undefined,
    ],
    [
      'one beside an image with a tag',
      'FROM a AS b\nENV X=1\nFROM c:$V\nRUN x',
      'FROM a AS b\nENV X=2\nFROM c:$V\nRUN x',
      undefined,
    ],
    [
      'one beside an image by an argument',
      'ARG V="c"\nFROM a AS b\nENV X=1\nFROM $V',
      'ARG V="c"\nFROM a AS b\nENV X=2\nFROM $V',
      undefined,
    ],
    ['a stage behind it', 'FROM a AS b\nENV X=1\nFROM c\nRUN x', 'FROM a AS b\nENV X=1\nFROM c\nRUN y', 1],
  ])('changes with %s', (_, before, after, step) => {
    expect(firstChange(lastOf(keysOf(before)), lastOf(keysOf(after)))).toBe(step)
  })

  it('takes a stage by an argument of the build', () => {
    const text = (value: string) => `ARG V=c\nFROM a AS b\nENV X=${value}\nFROM $V\nRUN x`
    const change = (args: Record<string, string>) =>
      firstChange(lastOf(keysOf(text('1'), { args })), lastOf(keysOf(text('2'), { args })))
    expect([change({ V: 'b' }), change({})]).toStrictEqual([0, undefined])
  })

  it.each<[version: string, target: number, added: number]>([
    ['1.23.1', 1, 0],
    ['1.24.0', 1, 2],
    ['1.28.2', 1, 2],
    ['1.29.0', 1, 1],
    ['1.33.7', 1, 1],
    ['1.43.2', 1, 1],
    ['1.28.2', 0, 0],
    ['1.29.0', 0, 0],
    ['1.30.0', 0, 1],
  ])('has the steps that Buildah %s adds for labels to stage %d: %d', (buildah, target, added) => {
    const text = 'FROM a\nRUN x\nFROM b\nRUN y'
    const stages = keysOf(text, { buildah, target, labels: labels(['a', '1'], ['', 'x'], ['b', '2']) })
    expect(stages).toHaveLength(target + 1)
    expect(stages.map(({ keys, added }) => [keys.length, added])).toStrictEqual(
      [
        [2, 0],
        [2 + added, added],
      ].slice(target === 0 ? 1 : 0),
    )
    expect(keysOf(text, { buildah, target }).at(-1)).toMatchObject({ added: 0, keys: { length: 2 } })
  })

  it.each<[what: string, more: Changes]>([
    ['annotations', { annotations: ['a=1'] }],
    ['labels that no step brings', { buildah: '1.23.1', labels: labels(['a', '1']) }],
  ])('tells the last image from that of the same step in the middle: %s', (_, more) => {
    const last = lastOf(keysOf('FROM a\nCOPY a b\nENV X=1', more)).at(-1)
    expect(lastOf(keysOf('FROM a\nCOPY a b\nENV X=1\nENV Y=1', more))).not.toContain(last)
  })

  it('lets the last step stay when one is added behind it', () => {
    const before = lastOf(keysOf('FROM a\nCOPY a b\nENV X=1'))
    expect(lastOf(keysOf('FROM a\nCOPY a b\nENV X=1\nENV Y=1')).slice(0, 3)).toStrictEqual(before)
  })

  it.each<[mount: string, buildah: string, why: RegExp]>([
    ['type=bind,source=src,target=/s', '1.28.2', /the content of "src", which it mounts, is not known/],
    ['target=/s', '1.43.2', /the content of "\.", which it mounts/],
    ['type=bind,from=one,target=/s', '1.43.2', /--mount=type=bind,from=one.*Buildah 1\.43\.2 does not compare/],
    ['type=bind,from=0,target=/s', '1.43.2', /does not compare/],
    ['type=bind,from=image:1,target=/s', '1.38.9', /Buildah 1\.38\.9 does not compare/],
    ['from=image:1,target=/s', '1.44.0', /does not compare/],
    ['type=bind,from=other,target=/s', '1.44.0', /another build context/],
    ['type=cache,from=one,target=/s', '1.44.0', /the initial content of a cache mount/],
    ['type=bind,source=$V,target=/s', '1.43.2', /quotes and variables/],
    ['type=$V,target=/s', '1.43.2', /quotes and variables/],
    ['$V', '1.43.2', /quotes and variables/],
    ['type=bind,\\"source=a\\",target=/s', '1.43.2', /quotes and variables/],
    ['type=npipe,target=/s', '1.43.2', /mount type/],
  ])('ends at --mount=%s with Buildah %s', (mount, buildah, why) => {
    const text = `FROM a AS one\nRUN x\nFROM b\nRUN x\nRUN --mount=${mount} y\nRUN z`
    const [one, two] = keysOf(text, { buildah, contexts: [{ name: 'other', value: '../other' }], annotations: ['a=1'] })
    expect(one?.keys).not.toContain(undefined)
    expect(two?.keys.map((key) => key !== undefined)).toStrictEqual([true, true, false, false])
    expect(two?.unknown).toStrictEqual({ line: 5, why: expect.stringMatching(why) })
  })

  it.each<[mount: string, buildah: string]>([
    ['type=cache,target=$HOME/.cache,id=$V', '1.28.2'],
    ['type=secret,id=x', '1.28.2'],
    ['type=ssh', '1.28.2'],
    ['type=tmpfs,target=/s', '1.28.2'],
    ['type=bind,source=src,target=/s', '1.39.0'],
    ['type=bind,from=image:1,source=/s,target=/s', '1.39.0'],
    ['type=bind,from=one,target=/s', '1.44.0'],
  ])('goes on at --mount=%s with Buildah %s', (mount, buildah) => {
    const stages = keysOf(`FROM a AS one\nRUN x\nFROM b\nRUN --mount=${mount} y\nRUN z`, { buildah })
    expect(stages.map(({ keys, unknown }) => [keys.includes(undefined), unknown])).toStrictEqual([
      [false, undefined],
      [false, undefined],
    ])
  })

  it('has no keys for what goes on from a stage with unknown steps, and for the label steps behind it', () => {
    const text = 'FROM a AS one\nRUN --mount=target=/s x\nFROM one\nRUN y\nFROM c\nCOPY --from=one a b'
    const stages = keysOf(text, { labels: labels(['a', '1']), target: 1 })
    expect(stages[1]).toMatchObject({
      keys: [undefined, undefined, undefined],
      added: 1,
      unknown: { line: 3, why: 'it continues a stage with unknown steps (line 2)' },
    })
    expect(keysOf(text)[2]?.keys).not.toContain(undefined)
  })

  it('changes with any instruction from there on, and never before', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/)
    const instruction = fc.oneof(
      word.map((text) => `RUN ${text}`),
      word.map((text) => `RUN <<E\n${text}\nE`),
      word.map((text) => `COPY ${text} /${text}`),
      word.map((text) => `ENV ${text}=1`),
      word.map((text) => `ARG ${text}`),
      word.map((text) => `LABEL ${text}=$V`),
    )
    fc.assert(
      fc.property(fc.array(instruction, { minLength: 1, maxLength: 8 }), fc.nat(), instruction, (steps, at, other) => {
        const place = at % steps.length
        fc.pre(steps[place] !== other)
        const text = (own: readonly string[]) => `FROM a\nARG V=1\n${own.join('\n')}\n`
        const after = lastOf(keysOf(text(steps.with(place, other))))
        expect(firstChange(lastOf(keysOf(text(steps))), after)).toBe(place + 2)
      }),
      runs(),
    )
  })
})

describe('a stage that a mount shows', () => {
  const analysis = analysisOf(`FROM a AS Shown
RUN one
FROM a AS other
RUN two
FROM a
RUN --mount=from=shown,target=/m three
`)
  const stepInputs = {
    seed: [],
    buildArgs: new Map<string, string>(),
    annotations: [],
    labels: [],
    contexts: [],
    proxies: new Map<string, string>(),
    contextDigests: new Map<string, string>(),
    copied: new Map<string, string>(),
  }
  const known = (buildah: string) =>
    stepKeys(analysis, { ...stepInputs, buildah }, 2).map(({ keys }) => keys.map((key) => key !== undefined))

  it.each([
    ['$V', [0, 1]],
    ['${V}', [0, 1]],
    ['${V:-o${W}}', [0, 1]],
    ['o$V', [0]],
    ['T${V}o', [1]],
    ['x$V', []],
    ['one', []],
  ])('ends anew where COPY --from=%s may mean it', (from, anew) => {
    const text = `FROM a AS one\nRUN x\nRUN y\nFROM a AS two\nRUN x\nFROM b\nARG V\nCOPY --from=${from} /x /x`
    const stages = keysOf(text, { args: { V: 'one' } })
    const known = stages.map(({ keys }) => keys.map((key) => key !== undefined))
    const [first, second] = [anew.includes(0), anew.includes(1)]
    expect(known).toStrictEqual([
      [true, true, !first],
      [true, !second],
      [true, true, true],
    ])
    expect(stages[0]?.unknown?.line).toBe(first ? 3 : undefined)
  })

  it.each(['1.23.0', '1.28.2'])('is built anew by Buildah %s, which shows nothing of one from the cache', (buildah) => {
    expect(known(buildah)).toStrictEqual([
      [false, false],
      [true, true],
      [true, false],
    ])
  })

  it('is built anew also where the mount is put off by ONBUILD', () => {
    const trigger = 'FROM a AS shown\nRUN one\nFROM a AS base\nONBUILD RUN --mount=from=shown,target=/m two\nFROM base'
    const known = keysOf(trigger, { buildah: '1.28.2' }).map(({ keys }) => keys.map((key) => key !== undefined))
    expect(known).toStrictEqual([[false, false], [true, true], [true]])
  })

  it.each(['1.33.7', '1.43.2'])('is not by Buildah %s', (buildah) => {
    expect(known(buildah).slice(0, 2)).toStrictEqual([
      [true, true],
      [true, true],
    ])
  })
})

describe('what was copied', () => {
  const contentsOf = (text: string, copied: Record<string, string>) =>
    keysOf(text, { copied }).map(({ contents }) => contents)

  it('counts from the step on that copies it, and changes no key', () => {
    const text = 'FROM a\nRUN x\nCOPY src /s\nRUN y\nADD conf /c\nCMD z'
    const [before, after] = ['1', '2'].map((src) => keysOf(text, { copied: { src, conf: '5' } })) as [
      StageKeys[],
      StageKeys[],
    ]
    expect(firstChange(before[0]?.contents ?? [], after[0]?.contents ?? [])).toBe(2)
    expect(lastOf(before)).toStrictEqual(lastOf(after))
    expect(new Set(before[0]?.contents).size).toBe(3)
  })

  // Buildah looks at the content of such a mount by itself from 1.39 on, so that it is in no key.
  it.each(['RUN --mount=source=src,target=/m x', 'RUN --mount=type=bind,src=./src,target=/m x'])(
    'counts from the step on that mounts it, %j',
    (line) => {
      const of = (digest: string) => contentsOf(`FROM a\nRUN x\n${line}\nRUN y`, { '\0src': digest })[0] ?? []
      expect(firstChange(of('1'), of('2'))).toBe(2)
      expect(of('1')).not.toContain(undefined)
    },
  )

  it.each(['RUN --mount=source=$X,target=/m x', 'RUN --mount=target=/m x', 'RUN --mount=type=bind,src=a*,target=/m x'])(
    'is unknown from the step on that mounts what is not known, %j',
    (line) => {
      const [stage] = contentsOf(`FROM a\nRUN x\n${line}\nRUN y`, { src: '1', '\0src': '1' })
      expect(stage?.map((content) => content === undefined)).toStrictEqual([false, false, true, true])
    },
  )

  it('is known of mounts that show nothing of the context', () => {
    const mounts = '--mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=from=b,target=/b'
    expect(contentsOf(`FROM b AS b\nFROM a\nRUN ${mounts} x`, {})[1]).not.toContain(undefined)
  })

  it('is known of every step where nothing is copied', () => {
    const [stage] = contentsOf('FROM a\nRUN x\nCOPY --from=b /c /d', {})
    expect(stage).toHaveLength(3)
    expect(new Set(stage)).toStrictEqual(new Set([expect.stringMatching(/^[0-9a-f]{64}$/)]))
  })

  it.each(['COPY $X /s', 'COPY <<EOF /s\nx\nEOF', 'COPY --exclude=x src /s', 'COPY ../src /s', 'COPY other /s'])(
    '%j makes it unknown from there on',
    (line) => {
      const [stage] = contentsOf(`FROM a\nRUN x\n${line}\nCOPY src /t`, { src: '1' })
      expect(stage?.map((content) => content === undefined)).toStrictEqual([false, false, true, true])
    },
  )

  it('goes on in a stage that stands on another', () => {
    const text = 'FROM a AS one\nCOPY src /s\nFROM one\nRUN x\nFROM b\nRUN x'
    const [before, after] = ['1', '2'].map((src) => contentsOf(text, { src })) as [string[][], string[][]]
    expect(after[1]).not.toContain(before[1]?.[0])
    expect(after[2]).toStrictEqual(before[2])
    expect(contentsOf(text, {})[1]).toStrictEqual([undefined, undefined])
  })

  it('is there for the steps that labels add', () => {
    const keys = keysOf('FROM a\nCOPY src /s', { copied: { src: '1' }, labels: labels(['a', '1']) })
    expect(keys[0]?.contents).toHaveLength(keys[0]?.keys.length ?? 0)
  })
})
