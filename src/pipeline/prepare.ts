import { join } from 'node:path'
import { baseImages } from './base-images.js'
import type { Context } from '../runner/context.js'
import { type AuthFile, readLogins, withoutRegistry } from '../auth/auth-file.js'
import type { ResolvedEngine } from '../engine/engine.js'
import { removeLeftovers } from '../engine/leftovers.js'
import { findEngine } from '../engine/select.js'
import type { WorkDir } from '../engine/work-dir.js'
import type { Pair } from '../runner/input-parsers.js'
import type { UserError } from '../errors.js'
import type { GitContext } from '../source/git-url.js'
import { chooseFormat, type DockerOnly, dockerOnlyOf, type Format } from '../engine/image-format.js'
import { formatReference, registryOf } from '../metadata/reference.js'
import type { Inputs } from '../runner/inputs.js'
import { info } from '../log.js'
import { type ImageNames, pairsOf } from './metadata.js'
import { settleLogins } from '../auth/keychain.js'
import type { Registries } from '../registry/client.js'
import { withGitToken } from '../source/git-token.js'
import { fetchGitContext, findSource, type Source } from '../source/source.js'
import type { Remember } from '../runner/state.js'
import type { Building } from '../up-to-date/step-inputs.js'
import type { RegistryAccess } from '../up-to-date/watch.js'
import type { CacheRequest, CachePlan } from './restore-cache.js'

/** What is known before it is known what builds. */
export interface Plan {
  readonly inputs: Inputs
  readonly context: Context
  readonly folder: WorkDir
  readonly names: ImageNames
  /** Which the given login is for. */
  readonly registry: string
  readonly access: RegistryAccess
  /** Undefined where the context has to be fetched first. */
  readonly local: Prepared | undefined
  readonly git: GitContext | undefined
  /** Why nobody was found who could build with Buildah. */
  readonly buildahUnavailable: UserError | undefined
}

/** A Dockerfile with its context, and the format that it is built in. */
export interface Prepared {
  readonly source: Source
  readonly format: Format['format']
}

/** Finds what is built on the disk, and says what there is to be said about its format. */
export async function prepare(inputs: Inputs, workspace: string, folder?: string): Promise<Prepared> {
  const source = await findSource(inputs, workspace, folder)
  return { source, format: sayFormat(inputs, dockerOnlyOf(source.dockerfile)) }
}

/** Chooses the format by what the user wants and the image has, and says why. @throws UserError as `chooseFormat` */
export function sayFormat({ format: options, annotations }: Inputs, only: DockerOnly | undefined): Format['format'] {
  // Nobody asked for the default annotations.
  const { format, reason } = chooseFormat(options, only, annotations.length > 0)
  if (reason !== undefined) info(`Format: ${reason}`)
  return format
}

/** The same, where the context may have to be fetched first. */
export async function findSourceOf({ inputs, context, folder, local, git }: Plan): Promise<Prepared> {
  return local ?? (await prepare(inputs, context.workspace, await fetchInto(git, { inputs, context, folder })))
}

/** Finds what builds. */
export async function findEngineFor(plan: Plan, source: Source, remember: Remember): Promise<ResolvedEngine> {
  const { inputs, context, folder, names, buildahUnavailable } = plan
  const { insecure } = plan.access
  const selection = {
    ...{ inputs, context, folder, source, buildahUnavailable, labels: pairsOf(names.labels), insecure },
    references: names.references,
    logins: await loginsFor(plan, source),
  }
  let unshare: readonly string[] = []
  const found = await findEngine(selection, (program) => {
    const { buildUser } = folder
    if (buildUser.uid !== 0) unshare = [...buildUser.prefix, program, 'unshare']
    remember({ unshare, keepStorage: context.ephemeral })
  })
  await removeLeftovers(folder, unshare, context)
  return found
}

/** The earlier logins as an engine is to have them: without that of the step's own registry, for all that it may ask. */
async function loginsFor(
  { inputs, context, folder, names, registry, access }: Plan,
  source: Source,
): Promise<AuthFile> {
  const logins = inputs.login === undefined ? access.logins : withoutRegistry(access.logins, registry)
  const written = [
    ...names.references.map(formatReference),
    ...inputs.cache.from,
    ...inputs.cache.to,
    ...baseImages(inputs, source, folder.env).map(({ name }) => name),
  ]
  const registries = written.flatMap((name) => registryOf(name) ?? [])
  const others = registries.filter((one) => inputs.login === undefined || one !== registry)
  return await settleLogins(logins, others, context.env)
}

/** Who one is at which registry, and to which one may speak without TLS. */
export async function accessOf(
  inputs: Inputs,
  context: Context,
  { references }: Pick<ImageNames, 'references'>,
  registry: string,
): Promise<RegistryAccess> {
  return {
    logins: await readLogins(context),
    ...(inputs.login !== undefined && { login: { registry, ...inputs.login } }),
    insecure: inputs.tlsVerify ? [] : [...new Set(references.map((reference) => reference.registry))],
  }
}

/** The registries of the step, with its logins. @param insecure further ones that may be asked without TLS */
export async function registriesOf({ access, context }: Plan, insecure: readonly string[] = []): Promise<Registries> {
  // Who asks none need not load it.
  const { openRegistries } = await import('../registry/client.js')
  return openRegistries({ ...access, env: context.env, insecure: [...access.insecure, ...insecure] })
}

/** Registries that are opened by the first question: most runs have none. */
export async function withRegistries<T>(plan: Plan, work: (open: () => Promise<Registries>) => Promise<T>): Promise<T> {
  let opened: Promise<Registries> | undefined
  try {
    return await work(() => (opened ??= registriesOf(plan)))
  } finally {
    await opened?.then(
      (registries) => {
        registries.close()
      },
      () => undefined,
    )
  }
}

/** What the plan says of a cache. */
export function requestOf({ inputs, context, folder, names }: Plan): CacheRequest & Pick<Building, 'labels'> {
  return { inputs, context, folder, references: names.references, labels: pairsOf(names.labels) }
}

/** Annotations, where the format has a place for them; those of the default, where they are no hindrance. */
export function annotationsFor(
  { inputs, names }: Plan,
  format: Format['format'],
  found: ResolvedEngine,
  { decision }: CachePlan,
): readonly Pair[] {
  const isWorthIt = inputs.annotations.length > 0 || found.takesDefaultAnnotations(decision.kind)
  return format === 'oci' && isWorthIt ? pairsOf(names.annotations) : []
}

async function fetchInto(
  git: GitContext | undefined,
  { inputs, context, folder }: Pick<Plan, 'inputs' | 'context' | 'folder'>,
): Promise<string | undefined> {
  if (git === undefined) return undefined
  info(`Fetching ${git.url} at ${git.ref}`)
  const env = withGitToken(folder.env, git.url, { token: inputs.githubToken, server: context.server })
  return await fetchGitContext(git, join(folder.path, 'context'), { prefix: folder.buildUser.prefix, env })
}
