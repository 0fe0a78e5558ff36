import { type OwnLogin, ownLoginFor } from '../../auth/keychain.js'
import type { Engine } from '../../engine/engine.js'
import { describe, RegistryError, UserError } from '../../errors.js'
import {
  DOCKER_HUB,
  isUnqualified,
  readRegistry,
  type Reference,
  type WrittenRegistry,
} from '../../metadata/reference.js'
import type { Names, WrittenName } from '../../metadata/tags.js'
import type { Inputs } from '../../runner/inputs.js'
import { debug, info } from '../../log.js'
import { withRetries } from '../../lib/retry.js'
import type { Trial } from '../../registry/uploads.js'

/** Who logs in, and with which logins. */
export interface LoginTarget {
  readonly engine: Pick<Engine, 'login'>
  /** The engine logs in where `/v2/` asks for a login, and nowhere else. */
  readonly needsChallenge: boolean
  readonly own: readonly OwnLogin[]
}

/**
 * The registry that the given login is for.
 * @throws UserError when it could be several, or isn't the one that the names are in
 */
export function loginRegistry(
  inputs: Pick<Inputs, 'registry' | 'login'>,
  { repositories, written }: Pick<Names, 'repositories' | 'written'>,
): string {
  if (inputs.registry !== undefined) return givenRegistry(inputs.registry, written)
  const registries = [...new Set(repositories.map(({ registry }) => registry))]
  if (inputs.login !== undefined && registries.length > 1) {
    throw new UserError(
      `Input "registry" is missing: the names are in ${registries.join(' and ')}, but "username" and "password" are for one registry.`,
      `Write \`registry: ${registries[0] ?? ''}\`, or all logins into \`registry-auth\`.`,
    )
  }
  return registries[0] ?? DOCKER_HUB
}

function givenRegistry(text: string, written: readonly WrittenName[]): string {
  const { registry, path } = readGiven(text)
  const unqualified = written.filter(({ name }) => isUnqualified(name))
  const isElsewhere =
    registry !== DOCKER_HUB && unqualified.length > 0 && written.every((one) => one.registry !== registry)
  if (path === '' && !isElsewhere) return registry
  // The address of an API has its version behind the host.
  const folder = /^v[12]$/.test(path) ? '' : path.toLowerCase()
  const names = folder !== '' || isElsewhere ? unqualified : []
  const cures = [
    ...(path === '' ? [] : [`Write \`registry: ${registry}\`.`]),
    ...linesOf(names, (name) => `${registry}/${below(folder, name)}`).map((line) => `Write ${line}.`),
    ...(path === '' ? linesOf(names, (name) => `${DOCKER_HUB}/${name}`) : []).map(
      (line) => `For Docker Hub, write ${line}.`,
    ),
  ]
  throw new UserError(`Input "registry": got ${JSON.stringify(text)}. ${flawOf(names)}.`, cures.join(' '))
}

function flawOf([first]: readonly WrittenName[]): string {
  return first === undefined
    ? 'A registry is a host without a path'
    : `It isn't prepended to image names, and ${JSON.stringify(first.name)} in "${first.input}" has no registry, which means Docker Hub`
}

function readGiven(text: string): WrittenRegistry {
  try {
    return readRegistry(text)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`Input "registry": ${error.message}`, error.hint, { cause: error.cause })
  }
}

/** `acme` and `web` are `acme/web`, and so are `acme` and `acme/web`. */
function below(folder: string, name: string): string {
  return folder === '' || name.startsWith(`${folder}/`) ? name : `${folder}/${name}`
}

/** What to write in each input instead of the names, as `images: new` instead of `old`. */
function linesOf(names: readonly WrittenName[], qualify: (name: string) => string): string[] {
  return (['images', 'tags'] as const).flatMap((input) => {
    const old = names.filter((one) => one.input === input).map(({ name }) => name)
    return old.length === 0 ? [] : [`\`${input}: ${old.map(qualify).join(',')}\` instead of \`${old.join(',')}\``]
  })
}

/**
 * Logs in with each login of the step, and tries it where it will be used: some registries let everybody read, and ask for
 * a login only when something is written.
 * @param tryPush begins a push to a reference, and takes it back
 * @throws UserError when a login is refused
 */
export async function login(
  { inputs, references }: { readonly inputs: Pick<Inputs, 'push'>; readonly references: readonly Reference[] },
  { engine, needsChallenge, own }: LoginTarget,
  tryPush: (reference: Reference) => Promise<Trial>,
): Promise<void> {
  const pushed = inputs.push ? references : []
  // One after the other: they are kept in one file.
  for (const one of own) {
    const { registry, scope, username, password } = one
    const place = scope === undefined ? registry : `${registry}/${scope}`
    await withRetries(`Login to ${place}`, () => engine.login(place, username, password))
    const covered = pushed.filter((reference) => ownLoginFor(reference, own) === one)
    const repositories = new Map(covered.map((reference) => [reference.repository, reference]))
    const trials = await Promise.all([...repositories.values()].map((tried) => tryPush(tried).catch(onlyRefusal)))
    if (needsChallenge && trials.some((trial) => trial?.asksLate === true)) throw asksLate(registry)
    info(`Logged in to ${place} as ${username}`)
  }
}

/** What else went wrong may not go wrong with the engine, which has the last word. */
function onlyRefusal(error: unknown): undefined {
  if (!(error instanceof RegistryError) || error.refuses) throw error
  debug(describe(error))
  return undefined
}

function asksLate(registry: string): UserError {
  return new UserError(
    `${registry} asks for a login only for writes, not at /v2/, the only place where Buildah checks: Buildah would push without the login and be refused.`,
    `Build with Docker (\`engine: docker\`), or configure the registry to answer ${registry}/v2/ with 401 if there is no login.`,
  )
}
