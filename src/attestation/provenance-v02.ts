import type { Dependency, SlsaPredicate } from './provenance.js'

export const SLSA_V02 = 'https://slsa.dev/provenance/v0.2'

/** The same in the words of SLSA v0.2, as BuildKit translates it. Pure. */
export function inV02({ buildDefinition, runDetails }: SlsaPredicate): object {
  const { buildType, externalParameters, internalParameters, resolvedDependencies } = buildDefinition
  const { configSource, request } = externalParameters
  const { buildConfig, builderPlatform } = internalParameters
  const { invocationId, startedOn, finishedOn, buildkit_completeness: completeness, ...rest } = runDetails.metadata
  const { uri, digest, path } = configSource
  return {
    builder: runDetails.builder,
    buildType,
    materials: resolvedDependencies.map((one) => ({
      uri: one.uri,
      ...(one.digest !== undefined && { digest: bySha1(one.digest) }),
    })),
    invocation: {
      configSource: {
        ...(uri !== undefined && { uri }),
        ...(digest !== undefined && { digest: bySha1(digest) }),
        entryPoint: path,
      },
      parameters: request,
      environment: { platform: builderPlatform },
    },
    ...(buildConfig !== undefined && { buildConfig }),
    metadata: {
      ...(invocationId !== undefined && { buildInvocationID: invocationId }),
      buildStartedOn: startedOn,
      buildFinishedOn: finishedOn,
      completeness: {
        parameters: completeness.request,
        environment: true,
        materials: completeness.resolvedDependencies,
      },
      reproducible: rest.buildkit_reproducible === true,
      ...(rest.buildkit_metadata !== undefined && {
        'https://mobyproject.org/buildkit@v1#metadata': rest.buildkit_metadata,
      }),
    },
  }
}

/** What v1 calls a commit of Git. */
function bySha1(digest: NonNullable<Dependency['digest']>): Dependency['digest'] {
  const { gitCommit, ...others } = digest
  return gitCommit === undefined ? others : { sha1: gitCommit, ...others }
}
