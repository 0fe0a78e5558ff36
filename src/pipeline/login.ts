import type { Engine } from '../engine/engine.js'
import { describe, RegistryError, UserError } from '../errors.js'
import { DOCKER_HUB, isUnqualified, readRegistry, type Reference, type WrittenRegistry } from '../metadata/reference.js'
import type { Names, WrittenName } from '../metadata/tags.js'
import type { Inputs } from '../runner/inputs.js'
import { debug, info } from '../log.js'
import { withRetries } from '../lib/retry.js'
import type { Trial } from '../registry/uploads.js'

/** Who logs in, and where. */
export interface LoginTarget {
  readonly engine: Pick<Engine, 'login'>
  /** The engine logs in where `/v2/` asks for a login, and nowhere else. */
  readonly needsChallenge: boolean
  readonly registry: string
}

/**
 * The registry that the given login is for.
 * @throws UserError when it could be several, or isn't the one that the names are in
 */
export function loginRegistry(
  inputs: Pick<Inputs, 'registry' | 'login'>,
  { references, written }: Pick<Names, 'references' | 'written'>,
): string {
  if (inputs.registry !== undefined) return givenRegistry(inputs.registry, written)
  const registries = [...new Set(references.map(({ registry }) => registry))]
  if (inputs.login !== undefined && registries.length > 1) {
    throw new UserError(
      `Input "registry" is missing: the references are in ${registries.join(' and ')}, but "username" and "password" are for one registry.`,
      `Write \`registry: ${registries[0] ?? ''}\`, and log in to the others in an earlier step.`,
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
 * Logs in, where the inputs have a login, and tries it where it will be used: some registries let everybody read, and ask
 * for a login only when something is written.
 * @param tryPush begins a push to a reference, and takes it back
 * @throws UserError when the login is refused
 */
export async function login(
  {
    inputs,
    references,
  }: { readonly inputs: Pick<Inputs, 'login' | 'push'>; readonly references: readonly Reference[] },
  { engine, needsChallenge, registry }: LoginTarget,
  tryPush: (reference: Reference) => Promise<Trial>,
): Promise<void> {
  if (inputs.login === undefined) return
  const { username, password } = inputs.login
  await withRetries(`Login to ${registry}`, () => engine.login(registry, username, password))
  const own = inputs.push ? references.filter((reference) => reference.registry === registry) : []
  const repositories = new Map(own.map((reference) => [reference.repository, reference]))
  const trials = await Promise.all([...repositories.values()].map((one) => tryPush(one).catch(onlyRefusal)))
  if (needsChallenge && trials.some((trial) => trial?.asksLate === true)) throw asksLate(registry)
  info(`Logged in to ${registry} as ${username}`)
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
