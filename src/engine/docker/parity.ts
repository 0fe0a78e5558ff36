import type { Dockerfile, Instruction } from '../../dockerfile/dockerfile.js'
import { stepsOf } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import type { Inputs } from '../../inputs.js'
import type { BuilderKind } from './builder.js'

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
  readonly cure: string
}

const ALL: readonly BuilderKind[] = ['buildx', 'buildx-docker', 'docker-build', 'classic']
const IN_DAEMON: readonly BuilderKind[] = ['buildx-docker', 'docker-build', 'classic']
const WITHOUT_BUILDX: readonly BuilderKind[] = ['docker-build', 'classic']

const GET_BUILDX = 'Set up Docker Buildx with a builder of its own in a step before (docker/setup-buildx-action).'
const GET_BUILDKIT = 'Install Docker Buildx (docker/setup-buildx-action), which builds with BuildKit.'
const isBuildahs = 'has nothing of the kind'

/**
 * What Docker does otherwise than Buildah: it is refused before the build. Everything else that an input asks for, every
 * builder does.
 */
export const DIFFERENCES: readonly Difference[] = [
  differs(['build-contexts'], 'lib=docker-image://docker.io/library/busybox:1', WITHOUT_BUILDX, {
    asks: ({ buildContexts }) => buildContexts.length > 0,
    ...{ why: 'knows one context only', cure: GET_BUILDKIT },
  }),
  differs(['secrets', 'secret-envs', 'secret-files'], 'key=value', ['classic'], {
    asks: ({ secrets }) => secrets.length > 0,
    ...{ why: 'has no secrets', cure: GET_BUILDKIT },
  }),
  differs(['ssh'], 'default', ['classic'], {
    asks: ({ ssh }) => ssh.length > 0,
    ...{ why: 'forwards no agent', cure: GET_BUILDKIT },
  }),
  differs(['annotations'], 'org.acme.team=web', IN_DAEMON, {
    asks: ({ annotations }) => annotations.length > 0,
    ...{ why: "writes images in Docker's format, which has no annotations", cure: `Use labels. ${GET_BUILDX}` },
  }),
  differs(['format'], 'oci', IN_DAEMON, {
    asks: ({ format }) => format === 'oci',
    ...{ why: "writes images in Docker's format", cure: `Write \`format: auto\`. ${GET_BUILDX}` },
  }),
  differs(['extra-args'], '--squash', ALL, {
    asks: ({ extraArgs }) => extraArgs.length > 0,
    ...{ why: "doesn't know the arguments of `buildah build`", cure: 'Leave it out, or write `engine: buildah`.' },
  }),
  differs(['outputs'], 'type=oci,dest=image.tar', IN_DAEMON, {
    asks: ({ outputs }) => outputs.some(({ type }) => type === 'oci'),
    ...{ why: "writes images in Docker's format", cure: `Write \`type=docker,dest=…\`. ${GET_BUILDX}` },
  }),
  differs(['outputs'], 'type=local,dest=files', ['classic'], {
    asks: ({ outputs }) => outputs.some(({ type }) => type === 'local' || type === 'tar'),
    ...{ why: 'writes no files of an image', cure: GET_BUILDKIT },
  }),
  differs(['rootless-user'], 'builder', ALL, {
    asks: ({ rootlessUser }) => rootlessUser !== undefined,
    ...{ why: 'builds as its daemon runs', cure: 'Leave it out, or write `engine: buildah`.' },
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
    differs([input], example, ALL, { asks, why: isBuildahs, cure: 'Leave it out, or write `engine: buildah`.' }),
  ),
  differs(['cache-mounts'], 'true', ALL, {
    asks: ({ cache }) => cache.mounts,
    why: "doesn't give out what its cache mounts hold",
    cure: 'Leave it out: they stay in the builder as long as it stays.',
  }),
]

/**
 * Makes sure that a builder can do all that is asked.
 * @param name of the builder, `Docker 20.10.24 with its classic builder`
 * @throws UserError for the first thing it can't do: the input or the line, and what to do
 */
export function checkParity(
  { inputs, file, dockerfile }: { inputs: Inputs; file: string; dockerfile: Dockerfile },
  kind: BuilderKind,
  name: string,
): void {
  const first = DIFFERENCES.find(({ asks, refusedBy }) => refusedBy.includes(kind) && asks(inputs))
  if (first !== undefined) {
    const names = first.inputs.map((input) => `"${input}"`)
    throw new UserError(
      `Input${names.length > 1 ? 's' : ''} ${names.join(', ')} can't be honoured: ${name} ${first.why}.`,
      first.cure,
    )
  }
  if (file.endsWith('.in')) {
    throw new UserError(
      `${file} is for Buildah, which runs it through the C preprocessor; ${name} does not.`,
      'Write `engine: buildah`, or name a Dockerfile that needs no preprocessor with "file".',
    )
  }
  const step = kind === 'classic' ? stepsOf(dockerfile).find(needsBuildkit) : undefined
  if (step !== undefined) {
    throw new UserError(
      `Dockerfile line ${step.line}: ${step.keyword} with ${needsBuildkit(step) ?? ''} needs BuildKit, and this is ${name}.`,
      GET_BUILDKIT,
    )
  }
}

/** Flags that only BuildKit knows, by the instruction; `--from` and `--chown` are older than that. */
const OF_BUILDKIT: Readonly<Record<string, readonly string[]>> = {
  RUN: ['mount', 'network', 'security', 'device'],
  COPY: ['chmod', 'link', 'parents', 'exclude'],
  ADD: ['chmod', 'link', 'checksum', 'keep-git-dir', 'exclude', 'unpack'],
}

function needsBuildkit({ keyword, flags, heredoc }: Instruction): string | undefined {
  if (heredoc) return 'a heredoc'
  const flag = flags.find(({ name }) => OF_BUILDKIT[keyword]?.includes(name))
  return flag === undefined ? undefined : `--${flag.name}`
}

function differs(
  inputs: Difference['inputs'],
  example: string,
  refusedBy: readonly BuilderKind[],
  rest: Pick<Difference, 'asks' | 'why' | 'cure'>,
): Difference {
  return { inputs, example, refusedBy, ...rest }
}
