import type { RepositoryAccess, RepositoryTerms } from '../artifact-repository.js'
import { readLogins as readEarlierLogins } from '../auth/auth-file.js'
import { readContext } from '../runner/context.js'
import { readLogins } from '../runner/inputs.js'
import { stepLogins } from '../runner/registry-auth.js'

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
    const options = {
      logins: await readEarlierLogins(context),
      own: stepLogins(readLogins(), registry),
      insecure,
      env: context.env,
    }
    return (await import('../registry/client.js')).openRegistries(options).openArtifacts(name, writes)
  }
}
