import type { Files } from './folders.js'
import type { Dice } from './staleness-random.js'

/** A Dockerfile below its FROM, with the files of its context. */
export interface SkeletonCase {
  readonly lines: readonly string[]
  readonly files: Files
}

/** A text that differs between the two variants where this is the instruction that changes. */
interface Slot {
  readonly i: number
  readonly text: string
  readonly dice: Dice
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
  ({ i, text }) => ({ line: `RUN ln -sfn /srv /link${i} && echo ${text} > /link${i}/through${i} && rm -f /srv/c1` }),
  ({ i, text }) => ({ line: `ENV E${i}=${text}` }),
  ({ i }) => ({ line: `WORKDIR /srv/${i}` }),
  ({ i, text }) => ({ line: `LABEL l${i}="${text}"` }),
]

/**
 * A random build, one instruction of which is another in its second variant. Every layer is the same whenever it is built,
 * and the lowest is large.
 * @param base reference of the image of every stage
 */
export function skeletonCase(dice: Dice, base: string): (variant: 'old' | 'new') => SkeletonCase {
  const length = 2 + dice(4)
  const changed = dice(length + 1)
  const hasStage = dice(5) < 2
  const picks = Array.from({ length }, () => ({ kind: dice(kinds.length), seed: dice(1000) }))
  return (variant) => {
    const textOf = (i: number) => (i === changed ? `t-${variant}` : 't')
    const written = picks.map(({ kind, seed }, i) =>
      kinds[kind]?.({ i, text: textOf(i), dice: () => seed % FOLDERS.length }),
    )
    const stage = [
      `FROM ${base} AS build`,
      'COPY bulk /bulk',
      'COPY source /source',
      'RUN mkdir /out && cp /source /out/made',
    ]
    return {
      lines: [
        ...(hasStage ? stage : []),
        `FROM ${base}`,
        'COPY bulk /bulk',
        ...written.flatMap((one) => one?.line ?? []),
        ...(hasStage ? ['COPY --from=build /out /out'] : []),
      ],
      files: Object.assign({ source: textOf(length) }, ...written.map((one) => one?.files ?? {})) as Files,
    }
  }
}
