import type { Engine } from './engine/engine.js'
import { UserError } from './errors.js'
import { normalizeRegistry, type Reference } from './image/reference.js'
import type { Inputs } from './inputs.js'
import { say } from './log.js'
import { persist } from './persist.js'

/**
 * The registry that the given login is for.
 * @throws UserError when it could be several
 */
export function loginRegistry(inputs: Inputs, references: readonly Reference[]): string {
  if (inputs.registry !== undefined) return normalizeRegistry(inputs.registry)
  const registries = [...new Set(references.map((reference) => reference.registry))]
  if (inputs.login !== undefined && registries.length > 1) {
    throw new UserError(
      `Input "registry" is missing: the references are in ${registries.join(' and ')}, and "username" and "password" can be for one of them only.`,
      `Write \`registry: ${registries[0] ?? ''}\`, and log in to the others in a step before.`,
    )
  }
  return registries[0] ?? 'docker.io'
}

/** Logs in, where the inputs have a login. */
export async function login(engine: Engine, inputs: Inputs, registry: string): Promise<void> {
  if (inputs.login === undefined) return
  const { username, password } = inputs.login
  await persist(`Login to ${registry}`, () => engine.login(registry, username, password))
  say(`Logged in to ${registry} as ${username}`)
}
