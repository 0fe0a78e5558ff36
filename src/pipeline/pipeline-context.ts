import type { RepositoryAccess } from '../artifact-repository.js'
import type { Caches } from '../cache/open.js'
import type { Engines } from '../engine/engines.js'
import type { WorkDir } from '../engine/work-dir.js'
import type { Clock } from '../lib/clock.js'
import type { Registries, RegistryClient } from '../registry/registries.js'
import type { Timeline } from '../report/timeline.js'
import type { Context } from '../runner/context.js'
import type { Remember } from '../runner/state.js'
import type { Endpoints } from '../signing/endpoints.js'
import type { Credentials } from './prepare/credentials.js'
import type { RunRecord } from './run-record.js'

/** What isn't this program: everything that a test stands a fake in for. */
export interface Services {
  readonly engines: Engines
  readonly caches: Caches
  readonly registries: RegistryClient
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly signing: Signing
  /** Gets what `post` must know, as soon as it is so; what it got before stays. */
  readonly remember: Remember
}

/** Where what was pushed is signed. */
export interface Signing {
  readonly endpointsOf: (server: string) => Endpoints | undefined
  readonly clock: Clock
}

/** What every stage has: where it works, as whom, and with what. */
export interface PipelineContext {
  readonly context: Context
  readonly workDir: WorkDir
  readonly credentials: Credentials
  readonly services: Services
  readonly timeline: Timeline
  readonly record: RunRecord
}

/** What is there before anything is made. */
export type Surroundings = Omit<PipelineContext, 'workDir'>

/** Registries that are opened by the first question: most runs have none. */
export interface RegistriesOnDemand {
  readonly open: () => Promise<Registries>
  readonly close: () => Promise<void>
}

/** The registries of the step, with its logins. @param insecure further ones that may be asked without TLS */
export async function openRegistries(
  { credentials, context, services }: Pick<PipelineContext, 'credentials' | 'context' | 'services'>,
  insecure: readonly string[] = [],
): Promise<Registries> {
  const { logins, own } = credentials
  return await services.registries.open({
    logins,
    own,
    env: context.env,
    insecure: [...credentials.insecure, ...credentials.configuredInsecure, ...insecure],
  })
}

/**
 * The repositories that a cache lies in, with the logins of the step.
 * @param insecureCaches registries that may be asked without TLS, in addition to those of the references
 */
export function repositoryAccess(
  { credentials, context, services }: PipelineContext,
  insecureCaches: readonly string[],
): RepositoryAccess {
  const { logins, own, registry } = credentials
  const insecure = [...credentials.insecure, ...credentials.configuredInsecure, ...insecureCaches]
  const options = { logins, own, insecure, env: context.env }
  return {
    open: async (name, writes) => (await services.registries.open(options)).openArtifacts(name, writes),
    terms: { registry, insecure },
  }
}

export function registriesOnDemand(pipeline: PipelineContext): RegistriesOnDemand {
  let opened: Promise<Registries> | undefined
  return {
    open: () => (opened ??= openRegistries(pipeline)),
    async close() {
      const registries = await opened?.catch(() => undefined)
      registries?.close()
    },
  }
}
