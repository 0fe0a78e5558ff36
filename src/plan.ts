import { join } from 'node:path'
import type { Context } from './context.js'
import { readLogins, withoutRegistry } from './credentials.js'
import type { Found } from './engine/engine.js'
import { findEngine } from './engine/select.js'
import type { Folder } from './engine/storage.js'
import type { Pair } from './entries.js'
import type { UserError } from './errors.js'
import { withGitToken } from './git-token.js'
import { chooseFormat, type Format } from './image/format.js'
import type { Inputs } from './inputs.js'
import { say } from './log.js'
import { type ByCommit, type ImageNames, pairsOf } from './names.js'
import { fetchGitContext, findSource, type GitContext, type Source } from './source.js'
import type { Remember } from './state.js'
import type { Building } from './surroundings.js'
import type { RegistryAccess, Watch } from './unchanged/watch.js'
import type { CacheRequest, Decided } from './warm.js'

/** What is known before it is known what builds. */
export interface Plan {
  readonly inputs: Inputs
  readonly context: Context
  readonly folder: Folder
  readonly names: ImageNames
  readonly byCommit: ByCommit
  /** Which the given login is for. */
  readonly registry: string
  readonly access: RegistryAccess
  /** Undefined where the context has to be fetched first. */
  readonly local: Prepared | undefined
  readonly git: GitContext | undefined
  /** Why nobody was found who could build with Buildah. */
  readonly obstacle: UserError | undefined
}

/** A Dockerfile with its context, and the format that it is built in. */
export interface Prepared {
  readonly source: Source
  readonly format: Format['format']
}

const REVISION = 'org.opencontainers.image.revision'

/** Finds what is built on the disk, and says what there is to be said about its format. */
export async function prepare(inputs: Inputs, workspace: string, folder?: string): Promise<Prepared> {
  const source = await findSource(inputs, workspace, folder)
  const format = chooseFormat(inputs.format, source.dockerfile, inputs.annotations.length > 0)
  if (format.reason !== undefined) say(`Format: ${format.reason}`)
  return { source, format: format.format }
}

/** The same, where the context may have to be fetched first. */
export async function findSourceOf({ inputs, context, folder, local, git }: Plan): Promise<Prepared> {
  return local ?? (await prepare(inputs, context.workspace, await fetchInto(git, { inputs, context, folder })))
}

/** Finds what builds. */
export async function findEngineFor(plan: Plan, source: Source, remember: Remember): Promise<Found> {
  const { inputs, context, folder, names, registry, obstacle } = plan
  const { logins, insecure } = plan.access
  const selection = {
    ...{ inputs, context, folder, source, obstacle, labels: pairsOf(names.labels), insecure },
    logins: inputs.login === undefined ? logins : withoutRegistry(logins, registry),
  }
  return await findEngine(selection, (program) => {
    const { account } = folder
    const unshare = account.uid === 0 ? [] : [...account.prefix, program, 'unshare']
    remember({ unshare, keepStorage: context.ephemeral })
  })
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

/** The plan with the labels that belong to the last commit that changed what is built, where that is looked at. */
export async function settleNames(plan: Plan, watch: Watch | undefined): Promise<Plan> {
  if (watch === undefined) return plan
  const { origin } = await watch.inspection
  const names = plan.byCommit(origin)
  if ('why' in origin && !names.labels.has(REVISION))
    say(`Labels: ${REVISION} and .created are left out, since ${origin.why}`)
  return { ...plan, names }
}

/** What the plan says of a cache. */
export function requestOf({ inputs, context, folder, names }: Plan): CacheRequest & Pick<Building, 'labels'> {
  return { inputs, context, folder, references: names.references, labels: pairsOf(names.labels) }
}

/** Annotations, where the format has a place for them; those of the default, where they are no hindrance. */
export function annotationsFor(
  { inputs, names }: Plan,
  format: Format['format'],
  found: Found,
  { decision }: Decided,
): readonly Pair[] {
  const isWorthIt = inputs.annotations.length > 0 || found.takesDefaultAnnotations(decision.kind)
  return format === 'oci' && isWorthIt ? pairsOf(names.annotations) : []
}

async function fetchInto(
  git: GitContext | undefined,
  { inputs, context, folder }: Pick<Plan, 'inputs' | 'context' | 'folder'>,
): Promise<string | undefined> {
  if (git === undefined) return undefined
  say(`Fetching ${git.url} at ${git.ref}`)
  const env = withGitToken(folder.env, git.url, { token: inputs.githubToken, server: context.server })
  return await fetchGitContext(git, join(folder.path, 'context'), { prefix: folder.account.prefix, env })
}
