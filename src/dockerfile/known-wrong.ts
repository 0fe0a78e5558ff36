import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'

/** Something that releases of Buildah build wrongly, most of it without a word, and what is done about it. */
export interface KnownWrong {
  /** What has it, as documents and messages name it. */
  readonly what: string
  /** The first release that has it; all from the oldest on, where there is none. */
  readonly since?: string
  /** The first release that gets it right; none yet, where there is none. */
  readonly until?: string
  /** What those releases make of it, as the end of a sentence. */
  readonly wrong: string
  readonly answer: Answer
  /** What the user can do about it, where newer releases are no better. */
  readonly remedy?: string
}

/**
 * `key`, no step is offered to Buildah in which this may be another; `rewrite`, Buildah is handed it in a form that all
 * releases read alike; `another Buildah`, such a release doesn't build it, and the step fails where there is no other;
 * `warning` and `note`, it is built, and the user is warned, or the log says so where the image is usable as it is.
 */
export type Answer = 'key' | 'rewrite' | 'another Buildah' | 'warning' | 'note'

const BUILD_FAILS = 'the build fails'
const CACHE_KEEPS_OLD = 'a later build gets the one of an earlier build'
const VOLUMES_ARE_KEPT = '1.37.0'
const PLATFORMS_ARE_FIXED = '1.33.8'

/**
 * From this release on Buildah writes `--label name=value` as a LABEL instruction, quoted as Go quotes: variables in it
 * are expanded, and what Go escapes (line breaks, tabs, other characters that can't be seen) comes out as its escape.
 */
export const LABELS_ARE_INSTRUCTIONS = '1.30.0'

/**
 * The one table of what releases of Buildah get wrong: ranges are written here and nowhere else, and what acts on a row
 * names it. Each is built by the test known-wrong with releases on both sides; where it changes between two of these, the
 * row is as long as it may be. docs/engines.md has the same.
 */
export const KNOWN_WRONG = {
  gitRepository: {
    what: 'ADD of a Git repository',
    until: '1.38.0',
    wrong: 'it adds the web page at that address',
    answer: 'another Buildah',
  },
  inheritedArgument: {
    what: 'an ARG of the stage in FROM',
    until: '1.41.0',
    wrong: 'it is empty there',
    answer: 'another Buildah',
  },
  inheritedDefault: {
    what: 'an ARG of the stage in FROM with quotes, escapes or variables in its default',
    until: '1.45.0',
    wrong: 'it is empty there, or has its default as it is written',
    answer: 'another Buildah',
  },
  inheritedVariable: {
    what: 'an ARG of the stage in FROM with a variable in its default that has no default of its own there, or another value',
    wrong: 'it is empty there, or has another value',
    answer: 'another Buildah',
    remedy: 'Write that ARG with its default once more in the stage that uses it.',
  },
  twinStage: {
    what: 'a stage that differs from the beginning of an earlier one only by values of ARG',
    since: '1.24.0',
    wrong: 'it gets the labels and the environment of that one',
    answer: 'another Buildah',
    remedy: 'Write a `LABEL` that the earlier stage lacks right below the FROM of this one.',
  },
  heredocVariable: {
    what: 'a heredoc of RUN with variables or quotes, unless its name is quoted',
    since: '1.33.0',
    until: '1.39.4',
    wrong: 'the shell finds the values of the build in the place of its own variables, or the build fails',
    answer: 'another Buildah',
  },
  volume: {
    what: 'a RUN that works in a VOLUME declared before it',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost',
    answer: 'another Buildah',
  },
  mountOnFiles: {
    what: 'a mount of RUN on what the image has there already',
    until: '1.31.0',
    wrong: 'it is removed from the image after that RUN',
    answer: 'another Buildah',
  },
  platformOfNextStage: {
    what: 'an image without a platform of its own after a FROM with `--platform`',
    until: '1.40.0',
    wrong: 'it is that of the platform before it, and the image is labelled as the other one',
    answer: 'another Buildah',
  },
  buildPlatform: {
    what: 'FROM with `--platform=$BUILDPLATFORM` in an image for another platform',
    until: '1.33.7',
    wrong: 'it is that of the other platform',
    answer: 'another Buildah',
  },
  targetPlatform: {
    what: 'FROM with `--platform=$TARGETPLATFORM` in an image for another platform',
    until: '1.40.0',
    wrong: 'it is that of the machine',
    answer: 'another Buildah',
  },
  armVariant: {
    what: 'an image for linux/arm/v5 or linux/arm/v6',
    until: '1.42.0',
    wrong: 'it is labelled as linux/arm/v7',
    answer: 'another Buildah',
  },
  invisibleLabel: {
    what: 'a label with a line break or another invisible character',
    since: LABELS_ARE_INSTRUCTIONS,
    wrong: 'the label has its escape, such as `\\n`',
    answer: 'another Buildah',
    remedy: 'Remove that character from the label.',
  },
  otherPlatformDefault: {
    what: 'ARG with another value for TARGETPLATFORM or BUILDPLATFORM',
    since: PLATFORMS_ARE_FIXED,
    wrong: BUILD_FAILS,
    answer: 'another Buildah',
    remedy: 'Write that ARG without a value: it has the one of the platform then.',
  },
  perhapsVolume: {
    what: 'another RUN after a VOLUME',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost, if it does',
    answer: 'warning',
  },
  volumeOfBase: {
    what: 'a RUN that works in a volume of its base image',
    until: VOLUMES_ARE_KEPT,
    wrong: 'what it changes there is lost',
    answer: 'warning',
  },
  overlayAttribute: {
    what: 'rootless layers on overlay',
    until: '1.35.0',
    wrong: 'files that a step changes keep an extended attribute (`user.overlay.origin`) in their layer',
    answer: 'note',
  },
  stageSpelling: {
    what: 'a stage named in another case, as `FROM build` after `AS Build`',
    wrong: 'it is taken for the name of an image',
    answer: 'rewrite',
  },
  platformDefault: {
    what: 'ARG with the value that TARGETPLATFORM or BUILDPLATFORM has anyhow',
    since: PLATFORMS_ARE_FIXED,
    wrong: BUILD_FAILS,
    answer: 'rewrite',
  },
  stageByPlatform: {
    what: 'FROM with a stage that TARGETARCH or its like names, in an image for another platform',
    // Right in 1.43.2, and wrong in 1.45.0.
    since: '1.44.0',
    wrong: 'it is taken for the name of an image',
    answer: 'rewrite',
  },
  stageByOwnPlatform: {
    what: 'FROM with a stage that TARGETARCH or its like names, in an image for the platform of the machine',
    // 1.33.7 takes it for an image only where no ARG before the first FROM declares it.
    until: '1.37.0',
    wrong: 'it is taken for the name of an image',
    answer: 'rewrite',
  },
  mountWithoutTarget: { what: 'RUN with a mount without `target`', wrong: BUILD_FAILS, answer: 'rewrite' },
  mountBesideStorage: {
    what: 'a mount of RUN on a path that begins with the folder of the storage, as `/home/app` where that is in `/home`',
    until: '1.41.0',
    wrong: 'what is at the rest of that path, as `/app`, is removed from the image, or the whole image is',
    answer: 'rewrite',
  },
  ignoreException: {
    what: 'an ignore file that takes back (`!`) what is in a folder that it leaves out',
    wrong: 'it is left out all the same, unless the line begins with the path of the folder',
    answer: 'rewrite',
  },
  ignoreFileOfDockerfile: {
    what: 'an ignore file beside the Dockerfile (`<Dockerfile>.dockerignore`)',
    until: '1.28.0',
    wrong: 'what it leaves out is in the image',
    answer: 'rewrite',
  },
  labelWithDollar: {
    what: 'a label with `$`',
    since: LABELS_ARE_INSTRUCTIONS,
    wrong: 'what follows it is taken for the name of a variable',
    answer: 'rewrite',
  },
  argumentValue: {
    what: 'the value of an ARG in ENV, LABEL, COPY and others that run nothing',
    since: '1.24.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  proxyDefault: {
    what: 'the default of an ARG for a proxy, such as `no_proxy`',
    since: '1.24.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  heredoc: {
    what: 'the text of a heredoc in RUN',
    since: '1.33.0',
    until: '1.35.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  heredocBehindArgument: {
    what: 'the text of a heredoc in RUN after an ARG',
    since: '1.33.0',
    until: '1.40.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  mount: {
    what: 'what `RUN --mount=type=bind` shows of the context or of an image',
    until: '1.39.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  mountOfLink: {
    what: 'what it shows of the context where its `source` is a symbolic link',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  mountWithoutType: {
    what: 'what `RUN --mount` shows of the context without `type=bind`',
    until: '1.45.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  mountOfStage: {
    what: 'what `RUN --mount=type=bind` shows of a stage',
    until: '1.44.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  mountOfCachedStage: {
    what: 'a mount of a stage that comes from the cache',
    until: '1.33.0',
    wrong: 'the files of the stage are not there',
    answer: 'key',
  },
  mountOfContext: {
    what: 'what a mount shows of a further build context',
    until: '1.33.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  cacheMountOfStage: { what: 'what `RUN --mount=type=cache,from=` begins with', wrong: CACHE_KEEPS_OLD, answer: 'key' },
  annotation: { what: 'an annotation', until: '1.41.0', wrong: CACHE_KEEPS_OLD, answer: 'key' },
  timestamp: {
    what: 'the time of the image (input `timestamp`, SOURCE_DATE_EPOCH)',
    until: '1.42.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  overriddenBase: {
    what: 'the image that a further build context puts in the place of the one in FROM',
    wrong: `${CACHE_KEEPS_OLD}, if it has the same layers`,
    answer: 'key',
  },
  platform: {
    what: 'another platform, where FROM names `scratch`',
    until: '1.41.0',
    wrong: CACHE_KEEPS_OLD,
    answer: 'key',
  },
  stageByArgument: {
    what: 'COPY from a stage that an ARG names',
    until: '1.45.0',
    wrong: 'a later build fails, if it finds the stage in the cache',
    answer: 'key',
  },
} as const satisfies Record<string, KnownWrong>

export type FaultName = keyof typeof KNOWN_WRONG

/** Whether this release of Buildah gets this row wrong; pure. */
export function getsWrong(name: FaultName, version: string): boolean {
  const { since, until }: KnownWrong = KNOWN_WRONG[name]
  return (since === undefined || gte(version, since)) && (until === undefined || lt(version, until))
}
