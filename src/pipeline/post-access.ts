import type { RepositoryAccess, RepositoryTerms } from '../artifact-repository.js'
import { readLogins } from '../auth/auth-file.js'
import { readContext } from '../runner/context.js'
import { readLogin } from '../runner/inputs.js'

/**
 * How the post step opens repositories: main writes no login down, and the runner gives both steps the same inputs.
 * @throws UserError for an auth file that isn't JSON
 */
export function postAccess(
  { registry, insecure }: RepositoryTerms,
  environment: NodeJS.ProcessEnv,
): RepositoryAccess['open'] {
  return async (name, writes) => {
    const context = readContext(environment)
    const login = readLogin()
    const options = {
      logins: await readLogins(context),
      ...(login !== undefined && { login: { registry, ...login } }),
      insecure,
      env: context.env,
    }
    return (await import('../registry/client.js')).openRegistries(options).openArtifacts(name, writes)
  }
}
