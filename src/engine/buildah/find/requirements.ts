import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'
import type { Flag } from '../../../dockerfile/command.js'
import { stepsOf, targetIndex, type Dockerfile, type Instruction } from '../../../dockerfile/dockerfile.js'
import { KNOWN_WRONG } from '../../../dockerfile/known-wrong.js'
import { mountOptions } from '../../../dockerfile/mounts.js'
import { declarationsOf } from '../../../dockerfile/variables.js'
import { nativePlatform } from '../../../lib/platform.js'
import type { Pair } from '../../../runner/input-parsers.js'
import { INPUT_ROWS } from '../../../runner/input-table.js'
import { type Inputs, valueOf } from '../../../runner/inputs.js'
import { forPlatform } from '../../../runner/platform-inputs.js'
import { analysisOf } from '../../../source/analysis.js'
import { OLDEST_BUILDAH, refusedFaults } from './refused-faults.js'

/** Something that this build asks for and not every Buildah can do. */
export interface Need {
  /** `input "build-contexts"` or `Dockerfile line 12: COPY --link`. */
  readonly what: string
  /** First version that can, `1.27.0`; undefined when none can yet. */
  readonly since: string | undefined
  /** First version that can't any more. */
  readonly below?: string | undefined
  /** What to do where no release can, or only old ones. */
  readonly remedy?: string | undefined
}

const OLDEST: Need = { what: 'this action', since: OLDEST_BUILDAH }

type Test = (instruction: Instruction) => boolean

const flag =
  (keyword: RegExp, name: string): Test =>
  (instruction) =>
    keyword.test(instruction.keyword) && instruction.flags.some((own) => own.name === name)

/** A RUN with a mount of such a type (bind, where none is written) whose options are such; pure. */
const mount =
  (type: RegExp, hasOptions: (options: ReadonlyMap<string, string>) => boolean): Test =>
  ({ keyword, flags }) =>
    keyword === 'RUN' &&
    flags.some(({ name, value }) => {
      const options = mountOptions(value)
      return name === 'mount' && type.test(options.get('type') ?? 'bind') && hasOptions(options)
    })

/** One of these options is there, and not `false`. */
const isOn =
  (...wanted: string[]) =>
  (options: ReadonlyMap<string, string>) =>
    wanted.some((option) => (options.get(option) ?? 'false') !== 'false')

const keepsGitFolder = ({ name, value }: Flag) => name === 'keep-git-dir' && value !== 'false'

/** A place below the working directory. A variable may come to any path. */
const isRelative = (options: ReadonlyMap<string, string>) =>
  ['target', 'dst', 'destination'].some((name) => /^[^/$"']/.test(options.get(name) ?? ''))

/** Instructions in which Buildah puts in the values of variables. */
const EXPANDED = /^(ADD|ARG|COPY|ENV|EXPOSE|LABEL|STOPSIGNAL|USER|VOLUME|WORKDIR)$/

/** First versions of Dockerfile features, each run on several releases; of some, the first one that was run and does it. */
const DOCKERFILE_SINCE: readonly [feature: string, since: string | undefined, used: Test][] = [
  ['a heredoc', '1.33.0', (instruction) => instruction.heredoc],
  ['--checksum', '1.33.0', flag(/^ADD$/, 'checksum')],
  ['--link', '1.41.0', flag(/^(COPY|ADD)$/, 'link')],
  ['--parents', '1.40.0', flag(/^COPY$/, 'parents')],
  ['--exclude', '1.38.0', flag(/^(COPY|ADD)$/, 'exclude')],
  ['--keep-git-dir', undefined, ({ keyword, flags }) => keyword === 'ADD' && flags.some(keepsGitFolder)],
  ['--network', '1.30.0', flag(/^RUN$/, 'network')],
  ['--security', undefined, flag(/^RUN$/, 'security')],
  ['--device', undefined, flag(/^RUN$/, 'device')],
  ['a writable --mount=type=bind', '1.39.0', mount(/^bind$/, isOn('rw', 'readwrite'))],
  ['--mount=type=secret with env', '1.44.0', mount(/^secret$/, isOn('env'))],
  ['--mount=type=secret with required', '1.33.0', mount(/^secret$/, (options) => options.get('required') === '')],
  ['a tmpfs mount at a relative path', '1.39.4', mount(/^tmpfs$/, isRelative)],
  ['a mount at a relative path', '1.33.7', mount(/^(bind|cache|secret|ssh)$/, isRelative)],
  ['--mount=type=bind, cache or tmpfs', '1.24.0', mount(/^(bind|cache|tmpfs)$/, () => true)],
  ['several arguments', '1.28.0', (instruction) => declarationsOf(instruction).length > 1],
  [
    'a pattern in a variable',
    '1.37.0',
    ({ keyword, argument, flags }) =>
      EXPANDED.test(keyword) &&
      [argument, ...flags.map(({ value }) => value)].some((text) => /(?<!\\)\$\{\w+[#%/]/.test(text)),
  ],
  ['--start-interval', '1.36.0', flag(/^HEALTHCHECK$/, 'start-interval')],
]

/**
 * Everything that the inputs, the Dockerfile and the labels of the image ask for which needs a certain version; pure.
 */
export function needsOf(inputs: Inputs, dockerfile: Dockerfile, labels: readonly Pair[]): Need[] {
  const ofInputs: Need[] = INPUT_ROWS.flatMap(([name, row]) =>
    row.buildah?.asks(valueOf(inputs, row)) === true ? [{ what: `input "${name}"`, since: row.buildah.since }] : [],
  )
  const unseen = labels.find(({ name, value }) => /[^\P{C}]|[^\P{Z} ]/u.test(name + value))
  if (unseen !== undefined) {
    const { what, since, remedy } = KNOWN_WRONG.invisibleLabel
    ofInputs.push({
      what: `input "labels": ${what}, ${JSON.stringify(unseen.name)}`,
      since: OLDEST_BUILDAH,
      below: since,
      remedy,
    })
  }
  const ofSteps = stepsOf(dockerfile).flatMap((instruction) =>
    DOCKERFILE_SINCE.filter(([, , used]) => used(instruction)).map(([feature, since]) => ({
      what: `Dockerfile line ${instruction.line}: ${instruction.keyword} with ${feature}`,
      since,
    })),
  )
  return [OLDEST, ...ofInputs, ...ofSteps, ...faultsOf(inputs, dockerfile)]
}

/** What older releases don't build of it, for any of the platforms. */
function faultsOf(inputs: Inputs, dockerfile: Dockerfile): Need[] {
  const platforms = inputs.platforms.length > 0 ? inputs.platforms : [nativePlatform()]
  const target = targetIndex(dockerfile, inputs.target)
  const faults = platforms.flatMap((platform) =>
    refusedFaults({ analysis: analysisOf(forPlatform(inputs, platform), dockerfile, undefined), platform, target }),
  )
  return [...new Map(faults.map((fault) => [fault.what, fault])).values()]
}

/** Whether the Dockerfile has RUN steps, or may have some; pure. */
export function mayRun(dockerfile: Dockerfile): boolean {
  return stepsOf(dockerfile).some(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
}

/** The needs that this version can't meet. */
export function unmet(needs: readonly Need[], version: string): Need[] {
  return needs.filter(
    ({ since, below }) => since === undefined || lt(version, since) || (below !== undefined && gte(version, below)),
  )
}
