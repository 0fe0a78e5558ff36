import coerce from 'semver/functions/coerce.js'
import lt from 'semver/functions/lt.js'
import { stepsOf, targetIndex } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import { INPUT_ROWS, SET_UP_BUILDX } from '../../runner/input-table.js'
import { type Inputs, valueOf } from '../../runner/inputs.js'
import { SOURCE_DATE_EPOCH } from '../../runner/timestamp-input.js'
import type { Source } from '../../source/source.js'
import { type BuilderKind, type Docker, NO_VERSION } from './builder.js'

const ALL: readonly BuilderKind[] = ['buildx', 'buildx-docker']

/** What a builder does only from some version of BuildKit on: before, it fails half way, or does nothing of it. */
export interface BuildkitNeed {
  /** As the documentation has it. */
  readonly what: string
  readonly since: string
  /** The first version of Buildx, where that has to know of it as well. */
  readonly buildx?: string
  /** Which builders have it at all. */
  readonly kinds: readonly BuilderKind[]
  /** What asks for it, as the subject of a sentence. */
  readonly asks: (asked: Asked) => string | undefined
}

/** What a builder is asked for. */
export interface Asked {
  readonly inputs: Inputs
  readonly source: Pick<Source, 'file' | 'dockerfile' | 'target'>
  /** Whether an image reads the Dockerfile (`# syntax=`), whatever BuildKit itself knows. */
  readonly hasFrontend: boolean
}

const input = (name: string, isSet: boolean) => (isSet ? `Input "${name}"` : undefined)

export const BUILDKIT_SINCE: readonly BuildkitNeed[] = [
  {
    what: 'input `build-contexts`',
    since: '0.10.0',
    kinds: ALL,
    asks: ({ inputs, hasFrontend }) => input('build-contexts', !hasFrontend && inputs.buildContexts.length > 0),
  },
  {
    what: 'input `shm-size`',
    since: '0.10.0',
    kinds: ALL,
    asks: ({ inputs }) => input('shm-size', inputs.shmSize !== undefined),
  },
  {
    what: 'input `ulimit`',
    since: '0.10.0',
    kinds: ALL,
    asks: ({ inputs }) => input('ulimit', inputs.ulimit.length > 0),
  },
  {
    what: 'Dockerfile: a heredoc',
    since: '0.10.0',
    kinds: ALL,
    asks: ({ source, hasFrontend }) => {
      const step = hasFrontend ? undefined : stepsOf(source.dockerfile).find(({ heredoc }) => heredoc)
      return step && `Dockerfile line ${step.line}: ${step.keyword} with a heredoc`
    },
  },
  {
    // Files get the time when the image is written.
    what: 'input `timestamp`',
    since: '0.13.0',
    kinds: ['buildx'],
    asks: ({ inputs: { timestamp } }) =>
      input('timestamp', timestamp !== undefined && timestamp.from !== SOURCE_DATE_EPOCH),
  },
  {
    // An image that is a context of another build.
    what: 'input `test`',
    since: '0.13.0',
    buildx: '0.13.0',
    kinds: ['buildx'],
    asks: ({ inputs }) => input('test', inputs.tests.length > 0),
  },
  {
    // Several results of one build.
    what: 'inputs `load` and `outputs`',
    since: '0.13.0',
    buildx: '0.13.0',
    kinds: ['buildx'],
    asks: ({ inputs }) => input('load', inputs.load) ?? input('outputs', inputs.outputs.length > 0),
  },
]

/**
 * Makes sure that a builder can do all that is asked.
 * @param name of the builder, `Docker 28.2.2 with Buildx 0.38.2, driver docker`
 * @throws UserError for the first thing it can't do: the input or the line, and what to do
 */
export function checkParity(asked: Asked, docker: Pick<Docker, 'kind' | 'buildkit' | 'buildx'>, name: string): void {
  const { inputs, source } = asked
  for (const [input, row] of INPUT_ROWS) {
    if (row.docker?.refusedBy.includes(docker.kind) !== true || !row.docker.asks(valueOf(inputs, row))) continue
    throw new UserError(`Input "${input}" can't be honoured: ${name} ${row.docker.why}.`, row.docker.hint)
  }
  if (inputs.load && inputs.platforms.length > 1) {
    throw new UserError(
      `Input "load" can't be honoured: ${name} loads no image of several platforms, and "platforms" has ${inputs.platforms.length}.`,
      'Write `load: false`, or `engine: buildah`, which loads the image for the platform of the runner.',
    )
  }
  if (inputs.tests.length > 0 && inputs.platforms.length > 1) {
    throw new UserError(
      `Input "test" can't be honoured: ${name} pushes all platforms as it builds them, and "platforms" has ${inputs.platforms.length}.`,
      'Write `engine: buildah`, which tests the image of each platform before anything is pushed.',
    )
  }
  if (source.file.endsWith('.in')) {
    throw new UserError(
      `The Dockerfile ${source.file} is for Buildah, which runs it through the C preprocessor; ${name} does not.`,
      'Write `engine: buildah`, or name a Dockerfile that needs no preprocessor with "file".',
    )
  }
  checkVersions(asked, docker, name)
  checkTarget(source, name)
}

function checkVersions(
  asked: Asked,
  { kind, buildkit, buildx }: Pick<Docker, 'kind' | 'buildkit' | 'buildx'>,
  name: string,
): void {
  for (const { kinds, asks, since, buildx: client } of BUILDKIT_SINCE) {
    const what = kinds.includes(kind) ? asks(asked) : undefined
    if (what === undefined) continue
    const needs = [
      ...(isOlder(buildkit, since) ? [`BuildKit ${since}, but the builder has ${buildkit ?? ''}`] : []),
      ...(client !== undefined && isOlder(buildx, client) ? [`Buildx ${client}, but this is ${buildx}`] : []),
    ]
    if (needs.length > 0) throw new UserError(`${what} needs ${needs.join('; it needs ')} (${name}).`, SET_UP_BUILDX)
  }
}

/** Whether a version is older; an unknown version counts as new. */
function isOlder(version: string | undefined, since: string): boolean {
  const known = version === NO_VERSION ? null : coerce(version)
  return known !== null && lt(known, since)
}

/** BuildKit knows stages by their names alone; the last one needs none. */
function checkTarget({ dockerfile, target }: Asked['source'], name: string): void {
  const index = targetIndex(dockerfile, target)
  const stage = dockerfile.stages[index]
  if (target === undefined || stage === undefined || stage.name !== undefined) return
  if (index === dockerfile.stages.length - 1) return
  throw new UserError(
    `Input "target": got ${JSON.stringify(target)}, but ${name} knows stages by name only, and the one in line ${stage.line} has no name.`,
    `Give it one, \`FROM ${stage.base} AS build\`, and write \`target: build\`.`,
  )
}
