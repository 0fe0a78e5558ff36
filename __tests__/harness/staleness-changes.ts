import { type ImageFile, imageFiles, type PulledImage } from './images.js'

/** A build that differs in one thing from `usual`. */
export interface Change {
  readonly name: string
  /** In the ordinary set as well: the one that stands for its kind. */
  readonly isOrdinary?: boolean
  /** Put over the usual inputs. */
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Instead of the usual Dockerfile. */
  readonly lines?: (base: string) => readonly string[]
  /** First Buildah that can build it. */
  readonly since?: string
  /** What the build context `lib` stands for, by the repository of two images that have the same layers. */
  readonly lib?: (twins: string) => string
  /** Which of the two the tag `moving` of that repository is. */
  readonly moved?: Twin
  /** Nothing of the image changes, and every step comes back from the usual build. */
  readonly isSame?: boolean
  /** Some of its steps are built each time. */
  readonly isPartlyBack?: boolean
  /** Its steps aren't where they should be, and so are built each time. */
  readonly isNeverBack?: boolean
}

/** What the variable SHADE of an image is, by which alone it differs from the other one. */
export type Twin = 'light' | 'dark'

const usualArguments = ['LABELLED=a', 'PORT=1001', 'SIGNAL=SIGTERM', 'DATA=a']

export const usualInputs: Readonly<Record<string, string>> = {
  'build-args': usualArguments.join('\n'),
  labels: 'given=a\nbeside=b',
  annotations: 'noted=a\nbeside=b',
}

/** No COPY and no RUN behind the instructions that only the configuration shows, which would be built anew with them. */
export function usualLines(base: string): string[] {
  return [
    `FROM ${base}`,
    'RUN grep elsewhere /etc/hosts > /hosts; ulimit -n > /limit; echo $no_proxy > /proxy',
    ...['LABELLED', 'PORT', 'SIGNAL', 'DATA'].map((name) => `ARG ${name}`),
    'LABEL seen=$LABELLED',
    'ARG EMPTY=none',
    'LABEL empty=$EMPTY',
    'EXPOSE $PORT',
    'STOPSIGNAL $SIGNAL',
    'VOLUME /data/$DATA',
    'CMD ["/bin/true"]',
  ]
}

function withArgument(name: string, value: string): Record<string, string> {
  const others = usualArguments.filter((one) => !one.startsWith(`${name}=`))
  return { 'build-args': [...others, `${name}=${value}`].join('\n') }
}

/** No COPY that another configuration of the base would be seen by. */
const forLib = (): string[] => ['FROM lib', 'COPY file /file', 'ENV SEEN=$SHADE']

const byArgument = (base: string): string[] => [
  ...['one', 'two'].flatMap((name) => [`FROM ${base} AS ${name}`, `RUN echo ${name} > /seen`]),
  ...[`FROM ${base}`, 'ARG WHICH', 'COPY --from=$WHICH /seen /seen', 'RUN cat /seen > /again'],
]

function copyFrom(which: string): Omit<Change, 'name'> {
  return { lines: byArgument, inputs: { 'build-args': `WHICH=${which}` }, since: '1.33.0', isPartlyBack: true }
}

const forScratch = (): string[] => ['FROM scratch', 'COPY file /file', 'ENV A=1']

/** One after the other they are built in one scope, so that each finds what all before it have left. */
export const changes: readonly Change[] = [
  { name: 'as usual', isOrdinary: true },
  { name: 'ARG in LABEL', inputs: withArgument('LABELLED', 'b') },
  { name: 'ARG in EXPOSE', inputs: withArgument('PORT', '1002') },
  { name: 'ARG in STOPSIGNAL', inputs: withArgument('SIGNAL', 'SIGINT') },
  { name: 'ARG in VOLUME', inputs: withArgument('DATA', 'b') },
  { name: 'an ARG that is given empty', inputs: withArgument('EMPTY', '') },
  { name: 'an ARG that is not given any more' },
  { name: 'an ARG that is named, and has no value', inputs: { 'build-args': [...usualArguments, 'EMPTY'].join('\n') } },
  { name: 'a label of another value', inputs: { labels: 'given=b\nbeside=b' } },
  { name: 'a label less', isOrdinary: true, inputs: { labels: 'beside=b' } },
  { name: 'no label', inputs: { labels: '' } },
  { name: 'an annotation of another value', inputs: { annotations: 'noted=b\nbeside=b' } },
  { name: 'an annotation less', inputs: { annotations: 'beside=b' } },
  { name: 'no annotation', inputs: { annotations: '' } },
  { name: 'another format', isOrdinary: true, inputs: { annotations: '', format: 'docker' } },
  { name: 'a host more', isOrdinary: true, inputs: { 'add-hosts': 'elsewhere:192.0.2.1' } },
  { name: 'another limit', inputs: { ulimit: 'nofile=512:512' } },
  { name: 'a fixed time', isOrdinary: true, inputs: { timestamp: '1700000000' } },
  { name: 'another fixed time', inputs: { 'extra-args': '--timestamp=1800000000' } },
  { name: 'a time from the environment', env: { SOURCE_DATE_EPOCH: '1700000000' } },
  { name: 'a variable by an argument of Buildah', inputs: { 'extra-args': '--env=MORE=1' }, isNeverBack: true },
  { name: 'a proxy', env: { no_proxy: 'elsewhere' } },
  { name: 'another proxy', env: { no_proxy: 'nowhere' } },
  { name: 'a context in the place of the base', lines: forLib, lib: (twins) => `${twins}:light` },
  { name: 'another image of the same layers', lines: forLib, lib: (twins) => `${twins}:dark` },
  { name: 'a tag', lines: forLib, lib: (twins) => `${twins}:moving`, moved: 'light' },
  { name: 'a tag that has moved to the same layers', lines: forLib, lib: (twins) => `${twins}:moving`, moved: 'dark' },
  { name: 'COPY from a stage by an ARG', ...copyFrom('one') },
  { name: 'COPY from another one', ...copyFrom('two') },
  { name: 'COPY from the first again', ...copyFrom('one') },
  { name: 'FROM scratch', lines: forScratch },
  { name: 'FROM scratch for another processor', lines: forScratch, inputs: { platforms: 'linux/arm64' } },
  { name: 'FROM scratch once more', lines: forScratch },
  {
    name: 'arguments in another order',
    isOrdinary: true,
    inputs: { 'build-args': usualArguments.toReversed().join('\n') },
    isSame: true,
  },
  { name: 'a comment', lines: (base) => ['# A comment', ...usualLines(base), '# and another'], isSame: true },
]

/** Annotations that no two builds have in common: a time, and in some versions the digest of the step before. */
const OF_ONE_BUILD = new Set(['org.opencontainers.image.created', 'org.opencontainers.image.base.digest'])

/** All of an image that a build without a cache would give again. */
export interface Shown {
  readonly config: unknown
  readonly annotations: unknown
  readonly mediaType: string | undefined
  readonly files: ReadonlyMap<string, ImageFile>
}

export function shownOf(image: PulledImage, withTime: boolean): Shown {
  const { architecture, os, created, config = {} } = image.config
  const annotations = Object.entries(image.manifest.annotations ?? {})
  return {
    // Docker's format has names of containers in these two, and others beside `config`.
    config: { architecture, os, ...config, Hostname: '', Image: '', ...(withTime && { created }) },
    annotations: Object.fromEntries(annotations.filter(([name]) => !OF_ONE_BUILD.has(name))),
    mediaType: image.manifest.mediaType,
    files: imageFiles(image),
  }
}
