import type { Files } from './folders.js'
import type { Dice } from './staleness-random.js'

/** A Dockerfile, with the files of its context but `bulk`. */
export interface SkeletonCase {
  readonly lines: readonly string[]
  readonly files: Files
}

/** A build in two variants. */
export interface RandomBuild {
  write(variant: 'old' | 'new'): SkeletonCase
  /** Whether the second one reads the layer of `bulk` in its last stage, after the first one. */
  readonly readsBulk: boolean
}

/** A text that differs between the two variants where this is the instruction that changes. */
interface Slot {
  readonly i: number
  readonly text: string
  readonly dice: Dice
  /** Name of the stage that files may be taken from; undefined if there is none. */
  readonly from: string | undefined
}

interface Written {
  readonly line: string
  readonly files?: Files
}

const FOLDERS = ['/srv', '/etc', '/usr/lib', '/data/deep/er']

/** What shapes layers: new and old files, folders and links in one another's place, and what is gone. */
const kinds: readonly ((slot: Slot) => Written)[] = [
  ({ i, text, dice }) => ({
    line: `COPY c${i} ${FOLDERS[dice(FOLDERS.length)] ?? '/'}/c${i}`,
    files: { [`c${i}`]: text },
  }),
  ({ i, text }) => ({ line: `COPY d${i} /data/`, files: { [`d${i}/same`]: 'same', [`d${i}/own${i}`]: text } }),
  ({ i, text }) => ({ line: `COPY o${i} /data/same`, files: { [`o${i}`]: text } }),
  ({ i, text }) => ({ line: `COPY --chown=nobody:nogroup u${i} /srv/u${i}`, files: { [`u${i}`]: text } }),
  ({ i, text }) => ({ line: `ADD a${i} /srv/a${i}`, files: { [`a${i}`]: text } }),
  ({ i, text }) => ({
    line: `RUN mkdir -p /data/r${i} && echo ${text} > /data/r${i}/file && ln -f /data/r${i}/file /hard${i}`,
  }),
  ({ i, text }) => ({ line: `RUN rm -rf /data && mkdir /data && echo ${text} > /data/run${i}` }),
  ({ i, text }) => ({
    line: `RUN mkdir -p /srv && ln -sfn /srv /link${i} && echo ${text} > /link${i}/through${i} && rm -f /srv/c1`,
  }),
  ({ i, text }) => ({ line: `ENV E${i}=${text}` }),
  ({ i, text }) => ({ line: `WORKDIR /srv/w${i}-${text}` }),
  ({ i, text }) => ({ line: `LABEL l${i}="${text}"` }),
  ({ i, text, from }) =>
    from === undefined
      ? { line: `COPY f${i} /data/f${i}`, files: { [`f${i}`]: text } }
      : { line: `COPY --from=${from} /out /data/f${i}-${text}` },
]

/**
 * A random build, one instruction of which is another in its second variant. Every layer is the same whenever it is built,
 * and those of `bulk` and `big` are large.
 * @param base reference of the image of every stage
 */
export function skeletonCase(dice: Dice, base: string): RandomBuild {
  const shape = (['one', 'one', 'parent', 'source', 'source'] as const)[dice(5)]
  const from = shape === 'source' ? 'build' : undefined
  const length = 2 + dice(4)
  const changed = dice(from === undefined ? length : length + 1)
  const picks = Array.from({ length }, () => ({ kind: dice(kinds.length), seed: dice(1000) }))
  // Between the two stages, where the one stands on the other.
  const cut = shape === 'parent' ? dice(length + 1) : 0
  const textOf = (i: number, variant: string) => (i === changed ? `t-${variant}` : 't')
  const writeAll = (variant: string) =>
    picks.flatMap(
      ({ kind, seed }, i) =>
        kinds[kind]?.({ i, text: textOf(i, variant), dice: () => seed % FOLDERS.length, from }) ?? [],
    )
  const lines = writeAll('new').map(({ line }) => line)
  // A source that has changed changes what is taken of it; the last line does that in any case.
  const first = changed < length ? changed : lines.findIndex((line) => line.includes('--from='))
  return {
    readsBulk: first >= 0 && lines.slice(first).some((line) => /^(RUN|ADD)/.test(line)),
    write(variant) {
      const written = writeAll(variant)
      const own = written.map(({ line }) => line)
      const below = [`FROM ${base} AS below`, 'COPY bulk /bulk', ...own.slice(0, cut)]
      const source = [`FROM ${base} AS build`, 'COPY big /big', 'COPY source /source']
      return {
        lines: [
          ...(shape === 'parent' ? [...below, 'FROM below'] : []),
          ...(shape === 'source' ? [...source, 'RUN mkdir /out && cp /source /out/made'] : []),
          ...(shape === 'parent' ? [] : [`FROM ${base}`, 'COPY bulk /bulk']),
          ...own.slice(cut),
          ...(shape === 'source' ? ['COPY --from=build /out /out'] : []),
        ],
        files: Object.assign({ source: textOf(length, variant) }, ...written.map(({ files }) => files ?? {})) as Files,
      }
    },
  }
}
