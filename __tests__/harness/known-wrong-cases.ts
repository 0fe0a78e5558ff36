import { tmpdir } from 'node:os'

import type { FaultName } from '../../src/dockerfile/known-wrong.js'
import { contentOf } from './image-content.js'
import { imageFiles, type PulledImage } from './images.js'
import { machineOf, ownArchitecture } from './platform-images.js'
import type { Tree } from './staleness-tree.js'

/** What cases are written with. */
export interface CasePlace {
  /** Image with busybox. */
  readonly base: string
  /** An image with a volume /data. */
  readonly withVolume: string
  /** Two images that have the same layers, one with SHADE=light and one with SHADE=dark. */
  readonly light: string
  readonly dark: string
  /** An index: busybox for the machine, and another program for linux/arm64, or linux/amd64 where that is the machine. */
  readonly both: string
  readonly foreign: string
  /** A Git repository with a file `kept`, by HTTP. */
  readonly repository: string
}

/** A build, as Buildah itself and the action are both told. */
export interface CaseBuild {
  readonly lines: readonly string[]
  /** The context, the Dockerfile aside. */
  readonly files?: Tree
  readonly buildArgs?: readonly string[]
  readonly labels?: readonly string[]
  readonly annotations?: readonly string[]
  readonly timestamp?: string
  readonly contexts?: readonly string[]
  readonly platform?: string
  readonly target?: string
}

/** Builds that show one row of the table. */
export interface WrongCase {
  readonly row: FaultName
  /** What sets it apart from other cases of the row; absent for the plain one. */
  readonly variant?: string
  /** Releases of the range that give the right image all the same, and why. */
  readonly rightOn?: Readonly<Record<string, string>>
  /** The first Buildah that builds it at all. */
  readonly buildsSince?: string
  /** On the storage of a machine, where it isn't vfs. */
  readonly storage?: 'overlay'
  /** In the ordinary set as well: it stands for its answer. */
  readonly isOrdinary?: boolean
  /** One after another with one cache; the image of the last one is looked at. */
  readonly builds: (place: CasePlace) => readonly CaseBuild[]
  readonly look: (image: PulledImage) => unknown
  readonly right: unknown
  /** What a Buildah of the range makes of it; `fails`, no image. */
  readonly wrong: unknown
}

export const FAILS = 'fails'

/** The folder below / that the storage of tests is in. */
const inTests = /^\/[^/]+/.exec(tmpdir())?.[0] ?? ''

const own = `linux/${ownArchitecture()}`
const foreignArchitecture = ownArchitecture() === 'arm64' ? 'amd64' : 'arm64'

const file =
  (path: string) =>
  (image: PulledImage): unknown =>
    imageFiles(image).has(path) ? contentOf(image, path).toString().trimEnd() : undefined
const variable =
  (name: string) =>
  ({ config }: PulledImage): unknown =>
    config.config?.Env?.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
const label =
  (name: string) =>
  ({ config }: PulledImage): unknown =>
    config.config?.Labels?.[name]

/** The last build shows `two`, or what the one before has left. */
const stale = { right: 'two', wrong: 'one' }
const seen = { look: file('seen'), ...stale }

const neverLooks = { '1.33.7': 'it never looks for a step with a mount of a stage' }

/** The same build with each value. */
function both(build: (value: string) => CaseBuild): CaseBuild[] {
  return ['one', 'two'].map(build)
}

/**
 * A stage that shows a value, and what takes it; the second value is built as far as the stage before it is taken.
 * @param folder one that no other case has, so that its stage is another one
 */
function ofStage(base: string, folder: string, type: string): CaseBuild[] {
  const run = `RUN --mount=type=${type},from=0,source=/${folder},target=/m cat /m/file >/seen`
  const lines = [`FROM ${base}`, `COPY file /${folder}/file`, `FROM ${base}`, run]
  const build = (value: string): CaseBuild => ({ lines, files: { file: value } })
  return [build('one'), { ...build('two'), target: '0' }, build('two')]
}

export const wrongCases: readonly WrongCase[] = [
  {
    row: 'gitRepository',
    builds: ({ base, repository }) => [{ lines: [`FROM ${base}`, `ADD ${repository} /src/`] }],
    look: file('src/kept'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'inheritedArgument',
    builds: ({ base }) => [{ lines: [`FROM ${base} AS base`, 'ARG WHO=ada', 'FROM base', 'RUN echo "<$WHO>" >/seen'] }],
    look: file('seen'),
    ...{ right: '<ada>', wrong: '<>' },
  },
  {
    row: 'inheritedDefault',
    builds: ({ base }) => [
      { lines: [`FROM ${base} AS base`, 'ARG WHO="ada"', 'FROM base', 'RUN echo "<$WHO>" >/quoted'] },
    ],
    look: (image) => file('quoted')(image) === '<ada>',
    ...{ right: true, wrong: false },
  },
  {
    ...{ row: 'inheritedDefault', variant: 'variable' },
    builds: ({ base }) => [
      { lines: [`FROM ${base} AS base`, 'ARG V=1', 'ARG WHO=ada$V', 'FROM base', 'RUN echo "<$WHO>" >/made'] },
    ],
    look: (image) => file('made')(image) === '<ada1>',
    ...{ right: true, wrong: false },
  },
  {
    row: 'inheritedVariable',
    builds: ({ base }) => [
      {
        lines: ['ARG V=1', `FROM ${base} AS base`, 'ARG V', 'ARG WHO=ada$V', 'FROM base', 'RUN echo "<$WHO>" >/named'],
      },
    ],
    look: (image) => file('named')(image) === '<ada1>',
    ...{ right: true, wrong: false },
  },
  {
    ...{ row: 'inheritedVariable', variant: 'given' },
    builds: ({ base }) => [
      {
        lines: [`FROM ${base} AS base`, 'ARG V=1', 'ARG WHO=ada$V', 'FROM base', 'RUN echo "<$WHO>" >/given'],
        buildArgs: ['V=2'],
      },
    ],
    look: (image) => file('given')(image) === '<ada2>',
    ...{ right: true, wrong: false },
  },
  {
    row: 'twinStage',
    builds: ({ base }) => [
      {
        lines: [
          ...[`FROM ${base} AS one`, 'ARG V=1', 'ENV WHICH=$V', 'RUN echo kept >/file'],
          ...[`FROM ${base} AS two`, 'ARG V=2', 'ENV WHICH=$V'],
          ...['FROM two', 'COPY --from=one /file /file'],
        ],
      },
    ],
    look: variable('WHICH'),
    ...{ right: '2', wrong: '1' },
  },
  {
    row: 'heredocVariable',
    buildsSince: '1.33.0',
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'RUN <<EOF', 'word=kept', 'echo "<$word>" >/seen', 'EOF'] }],
    look: file('seen'),
    ...{ right: '<kept>', wrong: '<>' },
  },
  {
    row: 'volume',
    isOrdinary: true,
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'VOLUME /data', 'RUN echo kept >/data/file'] }],
    look: file('data/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    ...{ row: 'volume', variant: 'variable' },
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'ENV DATA=/data', 'VOLUME $DATA', 'RUN echo kept >/data/file'] }],
    look: file('data/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'invisibleLabel',
    builds: ({ base }) => [{ lines: [`FROM ${base}`], labels: ['seen=a\tb'] }],
    look: label('seen'),
    ...{ right: 'a\tb', wrong: 'a\\tb' },
  },
  {
    row: 'otherPlatformDefault',
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'ARG TARGETPLATFORM=any/other', 'LABEL seen=$TARGETPLATFORM'] }],
    look: label('seen'),
    ...{ right: 'any/other', wrong: FAILS },
  },
  {
    row: 'platformDefault',
    builds: ({ base }) => [
      {
        lines: [
          `ARG BUILDPLATFORM=${own}`,
          `FROM --platform=$BUILDPLATFORM ${base}`,
          `ARG TARGETPLATFORM="${own}"`,
          // Another label than above: Buildah below 1.39 takes the step of the other value for it.
          'LABEL own=$TARGETPLATFORM',
        ],
      },
    ],
    look: label('own'),
    ...{ right: own, wrong: FAILS },
  },
  {
    row: 'mountWithoutTarget',
    buildsSince: '1.33.7',
    builds: ({ base }) => [
      { lines: [`FROM ${base}`, 'WORKDIR /w', 'RUN --mount=type=bind cp file /seen'], files: { file: 'here' } },
    ],
    look: file('seen'),
    ...{ right: 'here', wrong: FAILS },
  },
  {
    row: 'perhapsVolume',
    builds: ({ base }) => [
      { lines: [`FROM ${base}`, 'VOLUME /data', 'RUN for folder in /da*; do echo kept >$folder/file; done'] },
    ],
    look: file('data/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'volumeOfBase',
    builds: ({ withVolume }) => [{ lines: [`FROM ${withVolume}`, 'RUN echo kept >/data/file'] }],
    look: file('data/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'overlayAttribute',
    storage: 'overlay',
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'RUN chmod 600 /etc/group'] }],
    look: ({ layers }) => layers.some((layer) => layer.includes('overlay.origin')),
    ...{ right: false, wrong: true },
  },
  {
    row: 'stageSpelling',
    builds: ({ base }) => [
      { lines: [`FROM ${base} AS Build`, 'RUN echo made >/made', `FROM ${base}`, 'COPY --from=build /made /seen'] },
    ],
    look: file('seen'),
    ...{ right: 'made', wrong: FAILS },
  },
  {
    row: 'mountOnFiles',
    isOrdinary: true,
    buildsSince: '1.24.0',
    builds: ({ base }) => [
      {
        lines: [`FROM ${base}`, 'COPY file /folder/file', 'RUN --mount=type=cache,target=/folder true'],
        files: { file: 'kept' },
      },
    ],
    look: file('folder/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    ...{ row: 'mountOnFiles', variant: 'variable' },
    buildsSince: '1.24.0',
    builds: ({ base }) => [
      {
        lines: [
          `FROM ${base}`,
          'ARG WHERE=/nowhere',
          'ENV FOLDER=$WHERE/in',
          'COPY file /given/in/file',
          'RUN --mount=type=tmpfs,target=$FOLDER true',
        ],
        files: { file: 'kept' },
        buildArgs: ['WHERE=/given'],
      },
    ],
    look: file('given/in/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'mountBesideStorage',
    isOrdinary: true,
    buildsSince: '1.24.0',
    builds: ({ base }) => [
      {
        lines: [`FROM ${base}`, `RUN --mount=type=tmpfs,target=${inTests}/made mkdir /made && echo kept >/made/file`],
      },
    ],
    look: file('made/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    ...{ row: 'mountBesideStorage', variant: 'variable' },
    buildsSince: '1.24.0',
    builds: ({ base }) => [
      {
        lines: [
          `FROM ${base}`,
          `ARG WHERE=${inTests}`,
          'RUN --mount=type=tmpfs,target=$WHERE/made mkdir /made && echo kept >/made/file',
        ],
      },
    ],
    look: file('made/file'),
    ...{ right: 'kept', wrong: undefined },
  },
  {
    row: 'ignoreException',
    builds: ({ base }) => [
      {
        lines: [`FROM ${base}`, 'COPY . /src'],
        files: { '.dockerignore': '**\n!**/*.go\n', 'cmd/main.go': 'main' },
      },
    ],
    look: file('src/cmd/main.go'),
    ...{ right: 'main', wrong: undefined },
  },
  {
    row: 'ignoreFileOfDockerfile',
    builds: ({ base }) => [
      {
        lines: [`FROM ${base}`, 'COPY . /src'],
        files: { 'Dockerfile.dockerignore': 'private\n', private: 'private' },
      },
    ],
    look: file('src/private'),
    ...{ right: undefined, wrong: 'private' },
  },
  {
    row: 'labelWithDollar',
    isOrdinary: true,
    builds: ({ base }) => [{ lines: [`FROM ${base}`, 'ENV PRICE=1'], labels: ['seen=$PRICE'] }],
    look: label('seen'),
    ...{ right: '$PRICE', wrong: '1' },
  },
  {
    row: 'argumentValue',
    builds: ({ base }) =>
      both((value) => ({ lines: [`FROM ${base}`, 'ARG V', 'ENV SEEN=$V'], buildArgs: [`V=${value}`] })),
    look: variable('SEEN'),
    ...stale,
  },
  {
    row: 'proxyDefault',
    builds: ({ base }) =>
      both((value) => ({
        lines: [`FROM ${base}`, `ARG no_proxy=${value}`, 'RUN echo "$no_proxy" >/seen'],
      })),
    ...seen,
  },
  {
    row: 'heredoc',
    isOrdinary: true,
    buildsSince: '1.33.0',
    builds: ({ base }) => both((value) => ({ lines: [`FROM ${base}`, 'RUN <<EOF', `echo ${value} >/seen`, 'EOF'] })),
    ...seen,
  },
  {
    row: 'heredocBehindArgument',
    buildsSince: '1.33.0',
    builds: ({ base }) =>
      both((value) => ({ lines: [`FROM ${base}`, 'ARG SAME=x', 'RUN <<EOF', `echo ${value} >/seen`, 'EOF'] })),
    ...seen,
  },
  {
    row: 'mount',
    buildsSince: '1.24.0',
    builds: ({ base }) =>
      both((value) => ({
        lines: [`FROM ${base}`, 'RUN --mount=type=bind,source=folder,target=/m cat /m/file >/seen'],
        files: { 'folder/file': value },
      })),
    ...seen,
  },
  {
    row: 'mountOfLink',
    rightOn: { '1.39.4': 'it compares the time of the link' },
    buildsSince: '1.24.0',
    builds: ({ base }) =>
      both((value) => ({
        lines: [`FROM ${base}`, 'RUN --mount=type=bind,source=link,target=/m cat /m/file >/seen'],
        files: { link: { link: 'folder' }, 'folder/file': value },
      })),
    ...seen,
  },
  {
    row: 'mountWithoutType',
    buildsSince: '1.24.0',
    builds: ({ base }) =>
      both((value) => ({
        lines: [`FROM ${base}`, 'RUN --mount=source=folder,target=/m cat /m/file >/seen'],
        files: { 'folder/file': value },
      })),
    ...seen,
  },
  {
    row: 'mountOfStage',
    buildsSince: '1.24.0',
    rightOn: neverLooks,
    builds: ({ base }) => ofStage(base, 'bound', 'bind'),
    ...seen,
  },
  {
    row: 'mountOfCachedStage',
    buildsSince: '1.24.0',
    builds: ({ base }) =>
      both((value) => ({
        lines: [
          `FROM ${base} AS shown`,
          'RUN mkdir /shown && echo shown >/shown/file',
          `FROM ${base}`,
          `RUN --mount=type=bind,from=shown,source=/shown,target=/m cat /m/file >/${value}`,
        ],
      })),
    look: file('two'),
    ...{ right: 'shown', wrong: FAILS },
  },
  {
    row: 'mountOfContext',
    buildsSince: '1.27.0',
    builds: ({ base }) =>
      both((value) => ({
        lines: [`FROM ${base}`, 'RUN --mount=type=bind,from=other,source=folder,target=/m cat /m/file >/seen'],
        files: { 'other/folder/file': value },
        contexts: ['other=other'],
      })),
    ...seen,
  },
  {
    row: 'cacheMountOfStage',
    buildsSince: '1.24.0',
    rightOn: neverLooks,
    builds: ({ base }) => ofStage(base, 'cached', 'cache'),
    ...seen,
  },
  {
    row: 'annotation',
    builds: ({ base }) =>
      both((value) => ({ lines: [`FROM ${base}`, 'RUN echo >/made'], annotations: [`seen=${value}`] })),
    look: ({ manifest }) => manifest.annotations?.['seen'],
    ...stale,
  },
  {
    row: 'timestamp',
    builds: ({ base }) => ['1', '2'].map((timestamp) => ({ lines: [`FROM ${base}`, 'RUN echo >/made'], timestamp })),
    // With a step of another time, the image has the time of the build.
    look: ({ config }) => config.created === '1970-01-01T00:00:02Z',
    ...{ right: true, wrong: false },
  },
  {
    row: 'overriddenBase',
    buildsSince: '1.27.0',
    builds: ({ light, dark }) =>
      [light, dark].map((image) => ({
        lines: ['FROM lib', 'COPY file /file'],
        files: { file: 'same' },
        contexts: [`lib=docker-image://${image}`],
      })),
    look: variable('SHADE'),
    ...{ right: 'dark', wrong: 'light' },
  },
  {
    row: 'platform',
    buildsSince: '1.28.0',
    builds: () =>
      ['linux/amd64', 'linux/riscv64'].map((platform) => ({
        lines: ['FROM scratch', 'COPY file /file'],
        files: { file: 'same' },
        platform,
      })),
    look: ({ config }) => config.architecture,
    ...{ right: 'riscv64', wrong: 'amd64' },
  },
  {
    row: 'platformOfNextStage',
    buildsSince: '1.28.0',
    isOrdinary: true,
    builds: ({ both, foreign }) => [
      {
        lines: [`FROM --platform=${own} ${both} AS build`, `FROM ${both}`, 'COPY --from=build /bin/busybox /own'],
        platform: foreign,
      },
    ],
    look: (image) => machineOf(contentOf(image, 'bin/busybox')) === ownArchitecture(),
    ...{ right: false, wrong: true },
  },
  {
    row: 'buildPlatform',
    buildsSince: '1.28.0',
    builds: ({ both, foreign }) => [
      {
        lines: [
          `FROM --platform=$BUILDPLATFORM ${both} AS build`,
          'FROM scratch',
          'COPY --from=build /bin/busybox /own',
        ],
        platform: foreign,
      },
    ],
    look: (image) => machineOf(contentOf(image, 'own')) === ownArchitecture(),
    ...{ right: true, wrong: false },
  },
  {
    row: 'targetPlatform',
    // Seen on 1.33.7; which release began it, and which ended it, is not known.
    rightOn: { '1.28.2': 'it began later', '1.39.4': 'it ended before' },
    buildsSince: '1.28.0',
    builds: ({ both, foreign }) => [{ lines: [`FROM --platform=$TARGETPLATFORM ${both}`], platform: foreign }],
    look: (image) => machineOf(contentOf(image, 'bin/busybox')) === ownArchitecture(),
    ...{ right: false, wrong: true },
  },
  {
    row: 'stageByPlatform',
    buildsSince: '1.28.0',
    builds: ({ foreign }) => [
      {
        lines: [
          'ARG TARGETARCH',
          ...['amd64', 'arm64'].flatMap((name) => [`FROM scratch AS for-${name}`, `COPY ${name} /seen`]),
          'FROM for-$TARGETARCH',
          'ENV LAST=1',
        ],
        files: { amd64: 'stage of amd64', arm64: 'stage of arm64' },
        platform: foreign,
      },
    ],
    look: file('seen'),
    ...{ right: `stage of ${foreignArchitecture}`, wrong: FAILS },
  },
  {
    row: 'stageByOwnPlatform',
    buildsSince: '1.28.0',
    rightOn: { '1.33.7': 'it has the value where ARG declares it' },
    builds: () => [
      {
        lines: [
          'ARG TARGETARCH',
          ...['amd64', 'arm64'].flatMap((name) => [`FROM scratch AS on-${name}`, `COPY ${name} /seen`]),
          'FROM on-$TARGETARCH',
          'ENV LAST=1',
        ],
        files: { amd64: 'amd64 itself', arm64: 'arm64 itself' },
      },
    ],
    look: file('seen'),
    ...{ right: `${ownArchitecture()} itself`, wrong: FAILS },
  },
  {
    row: 'armVariant',
    buildsSince: '1.28.0',
    // A file that no other row has: Buildah takes steps of other platforms.
    builds: () => [{ lines: ['FROM scratch', 'COPY file /file'], files: { file: 'arm' }, platform: 'linux/arm/v6' }],
    look: ({ config }) => config.variant,
    ...{ right: 'v6', wrong: 'v7' },
  },
  {
    row: 'stageByArgument',
    buildsSince: '1.33.0',
    builds: ({ base }) =>
      both(() => ({
        lines: [
          `FROM ${base} AS one`,
          'RUN echo two >/made',
          `FROM ${base}`,
          'ARG WHICH',
          'COPY --from=$WHICH /made /seen',
        ],
        buildArgs: [`WHICH=one`],
      })),
    look: file('seen'),
    ...{ right: 'two', wrong: FAILS },
  },
]
