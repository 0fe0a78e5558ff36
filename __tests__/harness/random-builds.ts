import gte from 'semver/functions/gte.js'

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
}

export type Variant = 'old' | 'new'

/** The images that builds stand on, and the Buildah that makes them. */
export interface RandomPlace {
  readonly base: string
  /** One with ONBUILD instructions, which want a file `onbuild`. */
  readonly triggering: string
  readonly version: string
}

/** A text that differs between the two variants where this is the instruction that changes. */
interface Slot {
  readonly i: number
  readonly text: string
  readonly dice: Dice
  /** Name of the stage that files may be taken from; undefined if there is none. */
  readonly from: string | undefined
  readonly base: string
}

interface Written {
  readonly line: string
  readonly files?: Tree
}

interface Kind {
  readonly write: (slot: Slot) => Written
  /** The first Buildah that knows it. */
  readonly since?: string
  /** Whether only the versions of Buildah tell if its step runs again. */
  readonly isUncertain?: true
}

const FOLDERS = ['/srv', '/etc', '/usr/lib', '/data/deep/er']

/** What shapes layers: new and old files, folders and links in one another's place, and what is gone. */
const shaping: readonly Kind[] = [
  {
    write: ({ i, text, dice }) => ({
      line: `COPY c${i} ${FOLDERS[dice(FOLDERS.length)] ?? '/'}/c${i}`,
      files: { [`c${i}`]: text },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY d${i} /data/`,
      files: { [`d${i}/same`]: 'same', [`d${i}/own${i}`]: text },
    }),
  },
  { write: ({ i, text }) => ({ line: `COPY o${i} /data/same`, files: { [`o${i}`]: text } }) },
  { write: ({ i, text }) => ({ line: `COPY --chown=nobody:nogroup u${i} /srv/u${i}`, files: { [`u${i}`]: text } }) },
  { write: ({ i, text }) => ({ line: `ADD a${i} /srv/a${i}`, files: { [`a${i}`]: text } }) },
  {
    write: ({ i, text }) => ({
      line: `RUN mkdir -p /data/r${i} && echo ${text} > /data/r${i}/file && ln -f /data/r${i}/file /hard${i}`,
    }),
  },
  { write: ({ i, text }) => ({ line: `RUN rm -rf /data && mkdir /data && echo ${text} > /data/run${i}` }) },
  {
    write: ({ i, text }) => ({
      line: `RUN mkdir -p /srv && ln -sfn /srv /link${i} && echo ${text} > /link${i}/through${i} && rm -f /srv/c1`,
    }),
  },
  { write: ({ i, text }) => ({ line: `ENV E${i}=${text}` }) },
  { write: ({ i, text }) => ({ line: `WORKDIR /srv/w${i}-${text}` }) },
  { write: ({ i, text }) => ({ line: `LABEL l${i}="${text}"` }) },
  {
    write: ({ i, text, from }) =>
      from === undefined
        ? { line: `COPY f${i} /data/f${i}`, files: { [`f${i}`]: text } }
        : { line: `COPY --from=${from} /out /data/f${i}-${text}` },
  },
]

/** What of the context changes without its text: what is there, how it looks, and how it is linked. */
const contexts: readonly Kind[] = [
  {
    write: ({ i, text }) => ({
      line: `COPY m${i} /srv/m${i}`,
      files: { [`m${i}`]: { content: 'm', mode: modeOf(text) } },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY l${i} /srv/l${i}`,
      files: { [`l${i}/to`]: 'to', [`l${i}/link`]: { link: isNew(text) ? 'to' : '../gone' }, [`l${i}/last`]: text },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY h${i} /srv/h${i}`,
      files: {
        [`h${i}/one`]: text,
        [`h${i}/two`]: isNew(text) ? text : { hardLink: `h${i}/one` },
      },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `COPY g${i} /srv/g${i}`,
      files: { [`g${i}/stays`]: 'stays', ...(isNew(text) ? {} : { [`g${i}/goes`]: 'goes' }) },
    }),
  },
  {
    // Two of them don't add up, and one is enough.
    write: ({ i, text }) => ({
      line: `COPY i${i} /srv/i${i}`,
      files: { [`i${i}/in`]: 'in', [`i${i}/out`]: 'out', '.dockerignore': isNew(text) ? `i${i}/out\n` : 'none\n' },
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `ADD t${i}.tar /data/t${i}`,
      files: { [`t${i}.tar`]: { archive: { [`deep/${i}`]: text, same: 'same' } } },
    }),
  },
]

const settings: readonly Kind[] = [
  { write: ({ i, text }) => ({ line: `USER ${isNew(text) ? 'nobody' : 'root'}\nWORKDIR /srv/as${i}\nUSER root` }) },
  { write: ({ i, text }) => ({ line: `SHELL ["/bin/busybox", "sh", "-${isNew(text) ? 'ec' : 'c'}"]\nENV S${i}=1` }) },
  {
    isUncertain: true,
    write: ({ i, text }) => ({ line: `LABEL "a.b/${i} \u00fc"="x \\"${text}\\" ' \\\\ # \u2028 end"` }),
  },
  { write: ({ i, text }) => ({ line: `ARG A${i}=${text}\nENV B${i}=\${A${i}:-none}` }) },
  { write: ({ text }) => ({ line: `CMD ["/bin/sh", "-c", "echo ${text}"]` }) },
  { write: ({ i }) => ({ line: `EXPOSE 80${i}/udp` }) },
  { write: ({ text }) => ({ line: `STOPSIGNAL ${isNew(text) ? 'SIGINT' : 'SIGQUIT'}` }) },
]

/** What a RUN can see and leave behind. */
const runs: readonly Kind[] = [
  { write: ({ i, text }) => ({ line: `RUN chmod ${modeOf(text).toString(8)} /bulk && mkfifo /pipe${i}` }) },
  { write: ({ i, text }) => ({ line: `RUN printf ${text} > "/odd${i} $(printf 'a\\nb\\377c')"` }) },
  {
    write: ({ i, text }) => ({
      line: `RUN touch -d 2001-02-03 /bin/sh && md5sum /bulk > /sum${i} && echo ${text} >> /sum${i}`,
    }),
  },
  {
    write: ({ i, text }) => ({
      line: `RUN --mount=type=cache,target=/c${i} --mount=type=tmpfs,target=/t echo ${text} > /cached${i}`,
    }),
  },
  {
    isUncertain: true,
    write: ({ i, text }) => ({
      line: `RUN --mount=type=bind,source=b${i},target=/m cat /m > /bound${i}`,
      files: { [`b${i}`]: text },
    }),
  },
  {
    isUncertain: true,
    write: ({ i, text, from }) => ({
      line: `RUN${from === undefined ? '' : ` --mount=type=bind,from=${from},source=/out,target=/m`} echo ${text} > /from${i}; cat /m/made >> /from${i} || true`,
    }),
  },
  {
    since: '1.33.0',
    write: ({ i, text }) => ({ line: `RUN <<'EOF'\necho ${text} > /heredoc${i}\ncat /bulk > /heredoc\nEOF` }),
  },
  { since: '1.33.0', write: ({ i, text }) => ({ line: `COPY <<'EOF' /srv/heredoc${i}\n${text}\nEOF` }) },
  {
    write: ({ i, text, base }) => ({
      line: `COPY --from=${base} /etc/${isNew(text) ? 'group' : 'passwd'} /srv/image${i}`,
    }),
  },
]

const kinds: readonly Kind[] = [...shaping, ...contexts, ...settings, ...runs]

function isNew(text: string): boolean {
  return text.endsWith('new')
}

function modeOf(text: string): number {
  return isNew(text) ? 0o755 : 0o640
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
    picks.flatMap(
      ({ kind, seed }, i) =>
        kind?.write({ i, text: textOf(i, variant), dice: () => seed % FOLDERS.length, from, base }) ?? [],
    )
  const lines = writeAll('new').map(({ line }) => line)
  // A source that has changed changes what is taken of it; the last line does that in any case.
  const first = changed < length ? changed : lines.findIndex((line) => line.includes('--from=build'))
  const isUncertain = !PLAIN.has(shape) || picks.some(({ kind }) => kind?.isUncertain === true)
  return {
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
