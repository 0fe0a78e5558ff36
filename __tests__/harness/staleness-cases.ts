import type { Tree } from './staleness-tree.js'

/** The one thing that differs between two builds of a case. A number, so that it is a user and a port too. */
export type Variant = '1001' | '1002'

/** Where and how a case is written. */
export interface Place {
  readonly v: Variant
  /** Its own number: stages of equal text would be taken for one another within one build. */
  readonly n: number
  /** Image with busybox. */
  readonly base: string
  /** Image whose tag moves with the variant; its only file, /etc/seen, holds it. */
  readonly moving: string
  /** The same images, each with its variant as the tag. */
  readonly fixed: string
}

export interface WrittenCase {
  /** Whole stages in front of the case's own. */
  readonly before?: readonly string[]
  /** ARG instructions in front of the first FROM. */
  readonly globals?: readonly string[]
  /** Instead of `base`. */
  readonly from?: string
  /** What is behind FROM. */
  readonly lines: readonly string[]
  /** Where what shall be seen lies; default /tmp/seen. */
  readonly seen?: string
  /** A command in a stage on top that shows what shall be seen: by then the case's last step was found or not. */
  readonly look?: string
  /** Files of the context, in the folder `cN/`. */
  readonly files?: Tree
}

/** The text of a plain file, or each file and folder by its path with its mode, its owner, and what it holds. */
export type Shows = string | Readonly<Record<string, string>>

/** A stage whose result is a file, so that one image can show that of many. */
export interface StageCase {
  readonly name: string
  /** In the ordinary set as well: the one that stands for its part of the key. */
  readonly isOrdinary?: boolean
  /** First Buildah that can build it. */
  readonly since?: string
  /** First Buildah with which its steps come back; default, all; `never` where none does. */
  readonly comesBackSince?: string
  /** The variants give the same, or it may be that they do. */
  readonly isConstant?: boolean | 'maybe'
  /** What the image must show; default, the variant. */
  readonly shows?: (place: Pick<Place, 'v' | 'n'>) => Shows
  readonly write: (place: Place) => WrittenCase
}

const folder = '755 0:0 folder'

/** Build arguments of all cases: the variant is their value, and GONE is given in the first alone. */
export function buildArguments(v: Variant): { inputs: string; env: Record<string, string> } {
  const given = [`V=${v}`, `GLOBALLY=${v}`, `ftp_proxy=${v}`, ...(v === '1001' ? ['GONE=1001'] : []), 'OUTSIDE']
  return { inputs: given.join('\n'), env: { OUTSIDE: v } }
}

/** Comes back always. */
export const unchanging: readonly StageCase[] = [
  {
    name: 'nothing that changes',
    isOrdinary: true,
    isConstant: true,
    shows: () => 'same',
    write: ({ n }) => ({ lines: [`ENV SAME_${n}=x`, 'RUN echo same > /tmp/seen'] }),
  },
]

/** Values of arguments. */
export const argumentCases: readonly StageCase[] = [
  {
    name: 'ARG in ENV',
    write: ({ n }) => ({ lines: ['ARG V', `ENV SEEN_${n}=$V`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'ARG in the old form of ENV',
    shows: ({ v }) => `is ${v}`,
    write: ({ n }) => ({ lines: ['ARG V', `ENV SEEN_${n} is $V`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'ARG in a default of ENV',
    isOrdinary: true,
    shows: ({ v }) => (v === '1001' ? v : 'none'),
    write: ({ n }) => ({ lines: ['ARG GONE', `ENV SEEN_${n}=\${GONE:-none}`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'ARG within another one’s braces',
    write: ({ n }) => ({ lines: ['ARG V', `ENV SEEN_${n}=\${NONE:-\${V}}`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'ARG in WORKDIR',
    shows: ({ v, n }) => `/srv/${n}-${v}`,
    write: ({ n }) => ({ lines: ['ARG V', `WORKDIR /srv/${n}-$V`], look: 'pwd' }),
  },
  {
    name: 'ARG in USER',
    write: ({ n }) => ({ lines: ['ARG V', `ENV APART_${n}=1`, 'USER $V'], look: 'id -u' }),
  },
  {
    name: 'ARG in the destination of COPY',
    shows: ({ v, n }) => [`/srv/${n}`, `/srv/${n}/${v}`, `/srv/${n}/${v}/file`].join('\n'),
    write: ({ n }) => ({
      lines: ['ARG V', `COPY c${n}/file /srv/${n}/$V/file`],
      look: `find /srv/${n}`,
      files: { file: 'x' },
    }),
  },
  {
    name: 'ARG in --chown',
    shows: ({ v }) => ({ seen: `644 ${v}:${v} x` }),
    write: ({ n }) => ({
      lines: ['ARG V', `COPY --chown=$V c${n}/file /tmp/seen`],
      files: { file: 'x' },
    }),
  },
  {
    name: 'the default of an ARG',
    isOrdinary: true,
    write: ({ v, n }) => ({ lines: [`ARG D_${n}=${v}`, `ENV SEEN_${n}=$D_${n}`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'the default of an ARG, quoted and one of several',
    since: '1.33.0',
    shows: ({ v }) => `a ${v}`,
    write: ({ v, n }) => ({
      lines: [`ARG C_${n}=0 D_${n}="a ${v}"`, `ENV SEEN_${n}=$D_${n}`],
      look: `echo $SEEN_${n}`,
    }),
  },
  {
    name: 'ARG in the default of another ARG',
    shows: ({ v }) => `x-${v}`,
    write: ({ n }) => ({ lines: ['ARG V', `ARG W_${n}=x-$V`, `ENV SEEN_${n}=$W_${n}`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'a default in front of FROM',
    write: ({ v, n }) => ({
      globals: [`ARG G_${n}=${v}`],
      lines: [`ARG G_${n}`, `ENV SEEN_${n}=$G_${n}`],
      look: `echo $SEEN_${n}`,
    }),
  },
  {
    name: 'an ARG in front of FROM that is given',
    write: ({ n }) => ({
      globals: ['ARG GLOBALLY=0'],
      lines: ['ARG GLOBALLY', `ENV SEEN_${n}=$GLOBALLY`],
      look: `echo $SEEN_${n}`,
    }),
  },
  {
    name: 'ARG in FROM, for an image',
    isOrdinary: true,
    write: ({ v, n, fixed }) => ({
      globals: [`ARG TAG_${n}=${v}`],
      from: `${fixed}:$TAG_${n}`,
      lines: [`ENV LATER_${n}=1`],
      seen: '/etc/seen',
    }),
  },
  {
    name: 'ARG in FROM, for a stage',
    isOrdinary: true,
    since: '1.33.0',
    shows: ({ v, n }) => `${v} of ${n}`,
    write: ({ v, n, base }) => ({
      globals: [`ARG PICK_${n}=b${n}-${v}`],
      before: [
        `FROM ${base} AS b${n}-1001`,
        `RUN echo 1001 of ${n} > /tmp/seen`,
        `FROM ${base} AS b${n}-1002`,
        `RUN echo 1002 of ${n} > /tmp/seen`,
      ],
      from: `$PICK_${n}`,
      lines: ['ENV LATER=1'],
    }),
  },
  {
    name: 'a stage that is another one but for the default of an ARG',
    isOrdinary: true,
    shows: ({ v }) => `second-${v}`,
    write: ({ v, n, base }) => ({
      before: [`FROM ${base} AS b${n}`, `ARG D_${n}=first-${v}`, `ENV SEEN_${n}=$D_${n}`],
      lines: [`ARG D_${n}=second-${v}`, `ENV SEEN_${n}=$D_${n}`, `COPY --from=b${n} /etc/group /tmp/unused`],
      look: `echo $SEEN_${n}`,
    }),
  },
  {
    name: 'ARG through ENV into ENV',
    shows: ({ v }) => `<${v}>`,
    write: ({ n }) => ({
      lines: ['ARG V', `ENV MIDDLE_${n}=$V`, `ENV SEEN_${n}=<\${MIDDLE_${n}}>`],
      look: `echo "$SEEN_${n}"`,
    }),
  },
  {
    name: 'ARG through ENV of a stage below',
    shows: ({ v }) => `<${v}>`,
    write: ({ n, base }) => ({
      before: [`FROM ${base} AS b${n}`, 'ARG V', `ENV MIDDLE_${n}=$V`],
      from: `b${n}`,
      lines: [`ENV SEEN_${n}=<\${MIDDLE_${n}}>`],
      look: `echo "$SEEN_${n}"`,
    }),
  },
  {
    name: 'ARG in RUN',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ n }) => ({ lines: ['ARG V', `RUN echo ${n} $V > /tmp/seen`] }),
  },
  {
    name: 'ARG in the environment of RUN',
    isOrdinary: true,
    shows: ({ v }) => `V=${v}`,
    write: ({ n }) => ({ lines: ['ARG V', `RUN : ${n}; env | grep ^V= > /tmp/seen`] }),
  },
  {
    name: 'ARG from the environment of the step',
    isOrdinary: true,
    write: ({ n }) => ({ lines: ['ARG OUTSIDE', `ENV SEEN_${n}=$OUTSIDE`], look: `echo $SEEN_${n}` }),
  },
  {
    name: 'an argument for proxies, declared with a default',
    shows: ({ v }) => `no_proxy=${v}`,
    write: ({ v, n }) => ({ lines: [`ARG no_proxy=${v}`, `RUN : ${n}; env | grep ^no_proxy= > /tmp/seen`] }),
  },
  {
    name: 'an argument for proxies in ENV',
    isOrdinary: true,
    write: ({ n }) => ({ lines: [`ENV SEEN_${n}=$ftp_proxy`], look: `echo $SEEN_${n}` }),
  },
]

/** Texts of heredocs. */
export const heredocCases: readonly StageCase[] = [
  {
    name: 'heredoc in RUN',
    since: '1.33.0',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ v, n }) => ({ lines: ['RUN <<EOF', `echo ${n} ${v} > /tmp/seen`, 'EOF'] }),
  },
  {
    name: 'heredoc in RUN with an ARG in scope',
    since: '1.33.0',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ v, n }) => ({ lines: [`ARG SAME_${n}=x`, 'RUN <<EOF', `echo ${n} ${v} > /tmp/seen`, 'EOF'] }),
  },
  {
    name: 'ARG in a heredoc in RUN',
    isOrdinary: true,
    since: '1.33.0',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ n }) => ({ lines: ['ARG V', 'RUN <<"EOF"', `echo ${n} $V > /tmp/seen`, 'EOF'] }),
  },
  {
    name: 'the second of two heredocs in RUN',
    since: '1.33.0',
    shows: ({ v, n }) => `${n}\n${v}`,
    write: ({ v, n }) => ({
      lines: ['RUN sh <<ONE && sh <<TWO', `echo ${n} > /tmp/seen`, 'ONE', `echo ${v} >> /tmp/seen`, 'TWO'],
    }),
  },
  {
    name: 'heredoc in COPY',
    isOrdinary: true,
    since: '1.33.0',
    shows: ({ v }) => `text ${v}`,
    write: ({ v }) => ({ lines: ['COPY <<EOF /tmp/seen', `text ${v}`, 'EOF'] }),
  },
  {
    name: 'ARG in a heredoc in COPY',
    since: '1.33.0',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ n }) => ({ lines: ['ARG V', 'COPY <<EOF /tmp/seen', `${n} $V`, 'EOF'] }),
  },
  {
    name: 'quoted heredoc in COPY with an ARG in scope',
    since: '1.33.0',
    shows: ({ v, n }) => `${n} $V ${v}`,
    write: ({ v, n }) => ({ lines: ['ARG V', `COPY <<'EOF' /tmp/seen`, `${n} $V ${v}`, 'EOF'] }),
  },
]

/** What bind mounts show. */
export const mountCases: readonly StageCase[] = [
  {
    name: 'bind mount of the whole context',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,target=/m cat /m/c${n}/file > /tmp/seen`],
      files: { file: v },
    }),
  },
  {
    name: 'bind mount of a folder',
    isOrdinary: true,
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n}/sub,target=/m cat /m/deep/file > /tmp/seen`],
      files: { 'sub/deep/file': v },
    }),
  },
  {
    name: 'bind mount of a file',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,src=c${n}/file,dst=/m cat /m > /tmp/seen`],
      files: { file: v },
    }),
  },
  {
    name: 'names in a bind mount',
    isOrdinary: true,
    shows: ({ v }) => `file-${v}`,
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n},target=/m ls /m > /tmp/seen`],
      files: { [`file-${v}`]: '' },
    }),
  },
  {
    name: 'mode of a file in a bind mount',
    shows: ({ v }) => (v === '1001' ? '644' : '755'),
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n},target=/m stat -c %a /m/file > /tmp/seen`],
      files: { file: { content: 'x', mode: v === '1001' ? 0o644 : 0o755 } },
    }),
  },
  {
    name: 'link in a bind mount',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n},target=/m readlink /m/link > /tmp/seen`],
      files: { link: { link: v } },
    }),
  },
  {
    name: 'bind mount of a link to a folder whose content changes',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n}/link,target=/m cat /m/file > /tmp/seen`],
      files: { link: { link: 'sub' }, 'sub/file': v },
    }),
  },
  {
    name: 'bind mount below a link to a folder whose content changes',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n}/link/deep,target=/m cat /m/file > /tmp/seen`],
      files: { link: { link: 'sub' }, 'sub/deep/file': v },
    }),
  },
  {
    name: 'bind mount of a link that points elsewhere',
    isOrdinary: true,
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,source=c${n}/link,target=/m cat /m/file > /tmp/seen`],
      files: { link: { link: `sub-${v}` }, 'sub-1001/file': '1001', 'sub-1002/file': '1002' },
    }),
  },
  {
    name: 'the second of two mounts, over several lines',
    isOrdinary: true,
    shows: ({ v }) => `x${v}`,
    write: ({ v, n }) => ({
      lines: [
        `RUN --mount=type=bind,source=c${n}/one,target=/one \\`,
        `    --mount=type=bind,source=c${n}/two,target=/two \\`,
        '    cat /one/file /two/file > /tmp/seen',
      ],
      files: { 'one/file': 'x', 'two/file': v },
    }),
  },
  {
    name: 'bind mount of another context',
    isOrdinary: true,
    comesBackSince: 'never',
    write: ({ v, n }) => ({
      lines: [`RUN --mount=type=bind,from=other,source=c${n},target=/m cat /m/file > /tmp/seen`],
      files: { file: v },
    }),
  },
  {
    name: 'bind mount of an image whose tag moves',
    isOrdinary: true,
    comesBackSince: '1.39.0',
    write: ({ n, moving }) => ({
      lines: [`RUN --mount=type=bind,from=${moving},source=/etc,target=/m : ${n}; cat /m/seen > /tmp/seen`],
    }),
  },
]

/** What COPY, ADD and FROM take. */
export const copyCases: readonly StageCase[] = [
  {
    name: 'content of a file',
    isOrdinary: true,
    write: ({ v, n }) => ({ lines: [`COPY c${n}/file /tmp/seen`], files: { file: v } }),
  },
  {
    name: 'name of a file',
    shows: ({ v }) => ({ seen: folder, [`seen/${v}`]: '644 0:0 x' }),
    write: ({ v, n }) => ({ lines: [`COPY c${n} /tmp/seen`], files: { [v]: 'x' } }),
  },
  {
    name: 'mode of a file',
    shows: ({ v }) => ({ seen: `${v === '1001' ? '644' : '755'} 0:0 x` }),
    write: ({ v, n }) => ({
      lines: [`COPY c${n}/file /tmp/seen`],
      files: { file: { content: 'x', mode: v === '1001' ? 0o644 : 0o755 } },
    }),
  },
  {
    name: 'mode that COPY gives',
    since: '1.33.0',
    shows: ({ v }) => ({ seen: `${v === '1001' ? '640' : '604'} 0:0 x` }),
    write: ({ v, n }) => ({
      lines: [`COPY --chmod=${v === '1001' ? '640' : '604'} c${n}/file /tmp/seen`],
      files: { file: 'x' },
    }),
  },
  {
    name: 'where a link points',
    shows: ({ v }) => ({ seen: folder, 'seen/link': `777 0:0 → ${v}` }),
    write: ({ v, n }) => ({ lines: [`COPY c${n} /tmp/seen`], files: { link: { link: v } } }),
  },
  {
    name: 'what the ignore file leaves out',
    isOrdinary: true,
    shows: ({ v }) => ({
      seen: folder,
      [`seen/${v === '1001' ? '1002' : '1001'}`]: '644 0:0 x',
      'seen/same': '644 0:0 x',
    }),
    write: () => ({ lines: ['COPY ignored /tmp/seen'] }),
  },
  {
    name: 'archive that ADD unpacks',
    isOrdinary: true,
    shows: ({ v }) => ({ seen: folder, 'seen/file': `644 0:0 ${v}` }),
    write: ({ v, n }) => ({
      lines: [`ADD c${n}/files.tar /tmp/seen/`],
      files: { 'files.tar': { archive: { file: v } } },
    }),
  },
  {
    name: 'COPY of a stage that changes',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ v, n, base }) => ({
      before: [`FROM ${base} AS b${n}`, `RUN echo ${n} ${v} > /tmp/file`],
      lines: [`COPY --from=b${n} /tmp/file /tmp/seen`],
    }),
  },
  {
    name: 'COPY of a stage that an ARG changes',
    isOrdinary: true,
    write: ({ n, base }) => ({
      before: [`FROM ${base} AS b${n}`, 'ARG V', `ENV MIDDLE_${n}=$V`, `RUN echo $MIDDLE_${n} > /tmp/file`],
      lines: [`COPY --from=b${n} /tmp/file /tmp/seen`],
    }),
  },
  {
    name: 'COPY of a stage where an owner changes',
    shows: ({ v, n }) => ({ seen: `644 ${v}:0 ${n}` }),
    write: ({ v, n, base }) => ({
      before: [`FROM ${base} AS b${n}`, `RUN echo ${n} > /tmp/file && chown ${v} /tmp/file`],
      lines: [`COPY --from=b${n} /tmp/file /tmp/seen`],
    }),
  },
  {
    name: 'COPY of another context',
    write: ({ v, n }) => ({ lines: [`COPY --from=other c${n}/file /tmp/seen`], files: { file: v } }),
  },
  {
    name: 'COPY of an image whose tag moves',
    write: ({ moving }) => ({ lines: [`COPY --from=${moving} /etc/seen /tmp/seen`] }),
  },
  {
    name: 'FROM an image whose tag moves',
    isOrdinary: true,
    write: ({ n, moving }) => ({ from: moving, lines: [`ENV LATER_${n}=1`], seen: '/etc/seen' }),
  },
  {
    name: 'a word of an instruction',
    write: ({ v, n }) => ({ lines: [`ENV SEEN_${n}=${v}`], look: `echo $SEEN_${n}` }),
  },
]

/** Apart from the others, since a Buildah that doesn't find the stage's files fails. */
export const stageMountCases: readonly StageCase[] = [
  {
    name: 'bind mount of a stage',
    comesBackSince: '1.44.0',
    shows: ({ v, n }) => `${n} ${v}`,
    write: ({ v, n, base }) => ({
      before: [`FROM ${base} AS b${n}`, `RUN echo ${n} ${v} > /tmp/file`],
      lines: [`RUN --mount=type=bind,from=b${n},source=/tmp,target=/m cat /m/file > /tmp/seen`],
    }),
  },
  {
    name: 'bind mount of a stage that an ARG changes',
    comesBackSince: '1.44.0',
    write: ({ n, base }) => ({
      before: [`FROM ${base} AS b${n}`, 'ARG V', `ENV MIDDLE_${n}=$V`, `RUN echo $MIDDLE_${n} > /tmp/file`],
      lines: [`RUN --mount=type=bind,from=b${n},source=/tmp,target=/m cat /m/file > /tmp/seen`],
    }),
  },
  {
    name: 'bind mount of a stage that stays, above a change',
    comesBackSince: '1.44.0',
    shows: ({ v, n }) => `${n}\n${v}`,
    write: ({ v, n, base }) => ({
      before: [`FROM ${base} AS b${n}`, `RUN echo ${n} > /tmp/file`],
      lines: [`ENV E_${n}=${v}`, `RUN --mount=type=bind,from=b${n},source=/tmp,target=/m cat /m/file > /tmp/kept`],
      look: `cat /tmp/kept; echo $E_${n}`,
    }),
  },
]
