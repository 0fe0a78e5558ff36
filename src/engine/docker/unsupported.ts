import coerce from 'semver/functions/coerce.js'
import lt from 'semver/functions/lt.js'
import { stepsOf, targetIndex } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import type { Inputs } from '../../runner/inputs.js'
import type { Source } from '../../source/source.js'
import { type BuilderKind, type Docker, NO_VERSION } from './builder.js'

/** One of the inputs that Docker can't do everything of. */
export interface Difference {
  /** Several where they say one thing in several ways. */
  readonly inputs: readonly [string, ...string[]]
  /** A text of the first input that is refused, for the documentation and the tests. */
  readonly example: string
  readonly asks: (inputs: Inputs) => boolean
  /** The builders that refuse it. */
  readonly refusedBy: readonly BuilderKind[]
  /** Why, as the end of a sentence that begins with the builder. */
  readonly why: string
  readonly hint: string
}

const ALL: readonly BuilderKind[] = ['buildx', 'buildx-docker']
const IN_DAEMON: readonly BuilderKind[] = ['buildx-docker']

const GET_BUILDX = 'Set up Docker Buildx with a builder of its own in a step before (docker/setup-buildx-action).'
const isBuildahs = 'has nothing of the kind'

/**
 * What Docker does otherwise than Buildah: it is refused before the build. Everything else that an input asks for, every
 * builder does.
 */
export const DIFFERENCES: readonly Difference[] = [
  differs(['annotations'], 'org.acme.team=web', IN_DAEMON, {
    asks: ({ annotations }) => annotations.length > 0,
    ...{ why: "writes images in Docker's format, which has no annotations", hint: `Use labels. ${GET_BUILDX}` },
  }),
  differs(['format'], 'oci', IN_DAEMON, {
    asks: ({ format }) => format === 'oci',
    ...{ why: "writes images in Docker's format", hint: `Write \`format: auto\`. ${GET_BUILDX}` },
  }),
  differs(['extra-args'], '--squash', ALL, {
    asks: ({ extraArgs }) => extraArgs.length > 0,
    ...{ why: "doesn't know the arguments of `buildah build`", hint: 'Leave it out, or write `engine: buildah`.' },
  }),
  differs(['outputs'], 'type=oci,dest=image.tar', IN_DAEMON, {
    asks: ({ outputs }) => outputs.some(({ type }) => type === 'oci'),
    ...{ why: "writes images in Docker's format", hint: `Write \`type=docker,dest=…\`. ${GET_BUILDX}` },
  }),
  differs(['rootless-user'], 'builder', ALL, {
    asks: ({ rootlessUser }) => rootlessUser !== undefined,
    ...{ why: 'builds as its daemon runs', hint: 'Leave it out, or write `engine: buildah`.' },
  }),
  ...(
    [
      ['buildah-version', '>=1.37', ({ buildahVersion }: Inputs) => buildahVersion !== undefined],
      ['buildah-manifest', 'manifest.json', ({ buildahManifest }: Inputs) => buildahManifest !== undefined],
      ['storage-driver', 'overlay', ({ storageDriver }: Inputs) => storageDriver !== 'auto'],
      ['isolation', 'chroot', ({ isolation }: Inputs) => isolation !== 'auto'],
      ['sandbox', 'require', ({ sandbox }: Inputs) => sandbox === 'require'],
    ] as const
  ).map(([input, example, asks]) =>
    differs([input], example, ALL, { asks, why: isBuildahs, hint: 'Leave it out, or write `engine: buildah`.' }),
  ),
  differs(['cache-mounts'], 'true', ALL, {
    asks: ({ cache }) => cache.mounts,
    why: "doesn't give out what its cache mounts hold",
    hint: 'Leave it out: they stay in the builder as long as it stays.',
  }),
]

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
    ...{ what: 'input `build-contexts`', since: '0.10.0', kinds: ALL },
    asks: ({ inputs, hasFrontend }) => input('build-contexts', !hasFrontend && inputs.buildContexts.length > 0),
  },
  {
    ...{ what: 'input `shm-size`', since: '0.10.0', kinds: ALL },
    asks: ({ inputs }) => input('shm-size', inputs.shmSize !== undefined),
  },
  {
    ...{ what: 'input `ulimit`', since: '0.10.0', kinds: ALL },
    asks: ({ inputs }) => input('ulimit', inputs.ulimit.length > 0),
  },
  {
    ...{ what: 'Dockerfile: a heredoc', since: '0.10.0', kinds: ALL },
    asks: ({ source, hasFrontend }) => {
      const step = hasFrontend ? undefined : stepsOf(source.dockerfile).find(({ heredoc }) => heredoc)
      return step && `Dockerfile line ${step.line}: ${step.keyword} with a heredoc`
    },
  },
  {
    // Several results of one build.
    ...{ what: 'inputs `load` and `outputs`', since: '0.13.0', buildx: '0.13.0', kinds: ['buildx'] },
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
  const first = DIFFERENCES.find(({ asks, refusedBy }) => refusedBy.includes(docker.kind) && asks(inputs))
  if (first !== undefined) {
    const names = first.inputs.map((one) => `"${one}"`)
    throw new UserError(
      `Input${names.length > 1 ? 's' : ''} ${names.join(', ')} can't be honoured: ${name} ${first.why}.`,
      first.hint,
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
      ...(isOlder(buildkit, since) ? [`BuildKit ${since}, and the builder has ${buildkit ?? ''}`] : []),
      ...(client !== undefined && isOlder(buildx, client) ? [`Buildx ${client}, and this is ${buildx}`] : []),
    ]
    if (needs.length > 0) throw new UserError(`${what} needs ${needs.join('; it needs ')} (${name}).`, GET_BUILDX)
  }
}

/** What isn't known to be old is taken for new. */
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
    `Input "target": got ${JSON.stringify(target)}, and ${name} knows stages by their names only. That of line ${stage.line} has none.`,
    `Give it one, \`FROM ${stage.base} AS build\`, and write \`target: build\`.`,
  )
}

function differs(
  inputs: Difference['inputs'],
  example: string,
  refusedBy: readonly BuilderKind[],
  rest: Pick<Difference, 'asks' | 'why' | 'hint'>,
): Difference {
  return { inputs, example, refusedBy, ...rest }
}
