import gte from 'semver/functions/gte.js'

import { kinds } from './random-instructions.js'
import type { Dice } from './staleness-random.js'
import type { Tree } from './staleness-tree.js'

/** A Dockerfile, with the files of its context but `bulk` and `big`. */
export interface WrittenBuild {
  readonly lines: readonly string[]
  readonly files: Tree
}

/** A build in two variants. */
export interface RandomBuild {
  write(variant: Variant): WrittenBuild
  /** Whether the second one reads the layer of `bulk` in its last stage, after the first one; undefined if that isn't said. */
  readonly readsBulk: boolean | undefined
  /** Of the image, for the input `format`. */
  readonly format: 'oci' | 'docker'
}

export type Variant = 'old' | 'new'

/** The images that builds stand on, and the Buildah that makes them. */
export interface RandomPlace {
  readonly base: string
  /** One with ONBUILD instructions, which want a file `onbuild`. */
  readonly triggering: string
  readonly version: string
}

/**
 * A random build, one instruction of which is another in its second variant. Every layer is the same whenever it is built,
 * and those of `bulk` and `big` are large.
 */
export function randomBuild(dice: Dice, { base, triggering, version }: RandomPlace): RandomBuild {
  const known = kinds.filter(({ since = '0.0.0' }) => gte(version, since))
  const shape = SHAPES[dice(SHAPES.length)] ?? 'one'
  const from = ['source', 'twins', 'shadow', 'scratch'].includes(shape) ? 'build' : undefined
  const length = 2 + dice(4)
  const changed = dice(from === undefined ? length : length + 1)
  const picks = Array.from({ length }, () => ({ kind: known[dice(known.length)], seed: dice(1000) }))
  // Between the two stages, where the one stands on the other.
  const cut = shape === 'parent' ? dice(length + 1) : 0
  const textOf = (i: number, variant: string) => (i === changed ? `t-${variant}` : 't')
  const writeAll = (variant: string) =>
    picks.flatMap(({ kind, seed }, i) => kind?.write({ i, text: textOf(i, variant), seed, from, base }) ?? [])
  const lines = writeAll('new').map(({ line }) => line)
  // A source that has changed changes what is taken of it; the last line does that in any case.
  const first = changed < length ? changed : lines.findIndex((line) => line.includes('--from=build'))
  const isUncertain = !PLAIN.has(shape) || picks.some(({ kind }) => kind?.isUncertain === true)
  return {
    format: picks.some(({ kind }) => kind?.isOfDocker === true) ? 'docker' : 'oci',
    readsBulk: isUncertain ? undefined : first >= 0 && lines.slice(first).some((line) => /^(RUN|ADD)/m.test(line)),
    write(variant) {
      const written = writeAll(variant)
      const stages = stagesOf({ shape, base, triggering, own: written.map(({ line }) => line), cut })
      const files = { source: textOf(length, variant), onbuild: 'onbuild' }
      return { lines: stages, files: Object.assign(files, ...written.map((one) => one.files ?? {})) as Tree }
    },
  }
}

type Shape = (typeof SHAPES)[number]

const SHAPES = [
  ...(['one', 'one', 'parent', 'source', 'source'] as const),
  ...(['twins', 'shadow', 'argument', 'onbuild', 'scratch'] as const),
] as const

/** Those of which it is said what their second variant reads. */
const PLAIN: ReadonlySet<Shape> = new Set(['one', 'parent', 'source'])

/** The lines of all stages of a build of this shape. */
function stagesOf({
  shape,
  base,
  triggering,
  own,
  cut,
}: {
  readonly shape: Shape
  readonly base: string
  readonly triggering: string
  readonly own: readonly string[]
  readonly cut: number
}): string[] {
  const build = (name: string) => [
    `FROM ${base} AS ${name}`,
    'COPY big /big',
    'COPY source /source',
    'RUN mkdir /out && cp /source /out/made',
  ]
  const last = (from: string) => [`FROM ${from}`, 'COPY bulk /bulk', ...own]
  switch (shape) {
    case 'one':
      return last(base)
    case 'parent':
      return [`FROM ${base} AS below`, 'COPY bulk /bulk', ...own.slice(0, cut), 'FROM below', ...own.slice(cut)]
    case 'source':
      return [...build('build'), ...last(base), 'COPY --from=build /out /out']
    case 'twins':
      return [...build('build'), ...build('twin'), ...last(base), 'COPY --from=twin /out /out', 'COPY --from=0 /out /0']
    case 'shadow':
      return [...build('busybox'), ...['FROM busybox AS build'], ...last(base), 'COPY --from=busybox /out /out']
    case 'argument':
      return [`ARG TAG=1`, ...last(base.replace(/:1$/, ':${TAG}'))]
    case 'onbuild':
      return last(triggering)
    case 'scratch':
      return [
        ...build('build'),
        ...last(base).map((line) => line.replace(/^FROM \S+$/, '$& AS made')),
        'FROM scratch',
        'COPY --from=made / /',
        'COPY --from=build /out /out',
      ]
  }
}
