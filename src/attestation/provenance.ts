/** What is known of a build when the image is there. */
export interface BuildFacts {
  readonly mode: 'min' | 'max'
  /** URI of who built. */
  readonly builderId: string
  /** URI of the account of what these parameters mean. */
  readonly buildType: string
  /** URL of the attempt of the run; '' where there is none. */
  readonly invocation: string
  /** The commit that the Dockerfile is of, as far as that is sure. */
  readonly commit: Commit | undefined
  /** Relative to the repository, or to the workspace. */
  readonly dockerfile: { readonly path: string; readonly text: string }
  readonly target: string | undefined
  /** `linux/arm64` */
  readonly platform: string
  readonly builderPlatform: string
  /** The engine, with its version. */
  readonly engine: string
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  /** Ids, no values. */
  readonly secrets: readonly string[]
  readonly ssh: readonly string[]
  /** Base images. */
  readonly bases: readonly Dependency[]
  /** What the engine printed of each step. */
  readonly steps: readonly string[]
  readonly reproducible: boolean
  readonly startedOn: Date
  readonly finishedOn: Date
}

/** A commit of a Git repository. */
export interface Commit {
  /** `git+https://github.com/acme/web@refs/heads/main` */
  readonly uri: string
  /** Hexadecimal. */
  readonly sha?: string
}

/** What a build was made of: a resource descriptor of SLSA v1, without its commit. */
export interface Dependency {
  readonly uri: string
  readonly digest?: Readonly<Record<string, string>>
}

/** A predicate of SLSA v1; where BuildKit's has a place for something, it is there. */
export interface SlsaPredicate {
  readonly buildDefinition: {
    readonly buildType: string
    readonly externalParameters: ExternalParameters
    readonly internalParameters: Readonly<Record<string, unknown>>
    readonly resolvedDependencies: readonly Dependency[]
  }
  readonly runDetails: {
    readonly builder: { readonly id: string }
    readonly metadata: {
      readonly invocationId?: string
      readonly startedOn: string
      readonly finishedOn: string
      readonly buildkit_metadata?: Readonly<Record<string, unknown>>
      readonly buildkit_completeness: { readonly request: boolean; readonly resolvedDependencies: boolean }
      readonly buildkit_reproducible?: true
    }
  }
}

interface ExternalParameters {
  readonly configSource: {
    readonly uri?: string
    readonly digest?: Readonly<Record<string, string>>
    readonly path: string
  }
  readonly request: {
    readonly frontend: string
    readonly args?: Readonly<Record<string, string>>
    readonly secrets?: readonly { readonly id: string }[]
    readonly ssh?: readonly { readonly id: string }[]
  }
}

export const SLSA_V1 = 'https://slsa.dev/provenance/v1'

/** What SLSA v1 says of a build. `min` has nothing that a user wrote as a value. Pure. */
export function slsaPredicate(facts: BuildFacts): SlsaPredicate {
  const { mode, commit, bases, builderId, buildType, platform, builderPlatform, engine } = facts
  const isMax = mode === 'max'
  const git = commit === undefined ? [] : [resourceOf(commit)]
  return {
    buildDefinition: {
      buildType,
      externalParameters: externalParameters(facts),
      internalParameters: {
        ...{ builderPlatform, targetPlatform: platform, engine },
        ...(isMax && { buildConfig: { steps: facts.steps } }),
      },
      resolvedDependencies: [...bases, ...git],
    },
    runDetails: {
      builder: { id: builderId },
      metadata: {
        ...(facts.invocation !== '' && { invocationId: facts.invocation }),
        startedOn: facts.startedOn.toISOString(),
        finishedOn: facts.finishedOn.toISOString(),
        ...(isMax && { buildkit_metadata: sourceOf(facts) }),
        // What comes from the workspace, or what a step downloads, is in no list.
        buildkit_completeness: { request: isMax, resolvedDependencies: false },
        ...(facts.reproducible && { buildkit_reproducible: true }),
      },
    },
  }
}

function externalParameters({ mode, commit, dockerfile, target, ...facts }: BuildFacts): ExternalParameters {
  const prefixed = (prefix: string, values: ReadonlyMap<string, string>) =>
    [...values].map(([name, value]) => [`${prefix}:${name}`, value] as const)
  const written =
    mode === 'min' ? [] : [...prefixed('build-arg', facts.buildArgs), ...prefixed('label', facts.labels)].sort()
  const args = Object.fromEntries([...(target === undefined ? [] : [['target', target] as const]), ...written])
  const ids = (list: readonly string[]) => list.map((id) => ({ id }))
  return {
    configSource: {
      ...(commit !== undefined && resourceOf(commit)),
      path: dockerfile.path,
    },
    request: {
      frontend: 'dockerfile.v0',
      ...(Object.keys(args).length > 0 && { args }),
      ...(mode === 'max' && facts.secrets.length > 0 && { secrets: ids(facts.secrets) }),
      ...(mode === 'max' && facts.ssh.length > 0 && { ssh: ids(facts.ssh) }),
    },
  }
}

function resourceOf({ uri, sha }: Commit): Dependency {
  return { uri, ...(sha !== undefined && { digest: { gitCommit: sha } }) }
}

/** The Dockerfile, where BuildKit's predicate has it. */
function sourceOf({ dockerfile: { path, text } }: BuildFacts): Readonly<Record<string, unknown>> {
  const data = Buffer.from(text).toString('base64')
  return { source: { infos: [{ filename: path, language: 'Dockerfile', data }] } }
}
