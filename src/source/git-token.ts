import type { Env } from '../exec.js'
import type { Secret } from '../lib/secret.js'

/** Variable that hands the token to Git's helper; it has no other way into a program. */
const TOKEN = 'ROOTLESS_IMAGE_BUILD_GIT_TOKEN'
/**
 * A text for Git's own shell, always the same. Git asks it where a server wants a login that neither the URL nor an earlier
 * helper has, and only what it is asked for by `get` is told.
 */
const HELPER = `!f() { test "$1" = get && printf 'username=x-access-token\\npassword=%s\\n' "$${TOKEN}"; }; f`

/**
 * The environment of a Git program that fetches from `url`, with the token where that is on `server`: by a configuration
 * for this server alone, which is in no file and no argument (Git 2.31; an older one fetches without). Pure.
 */
export function withGitToken(
  env: Env,
  url: string,
  { token, server }: { readonly token: Secret | undefined; readonly server: string },
): Env {
  const origin = originOf(server)
  if (token === undefined || origin === undefined || originOf(url) !== origin) return env
  // What the user has configured in the same way stays.
  const count = /^\d+$/.test(env['GIT_CONFIG_COUNT'] ?? '') ? Number(env['GIT_CONFIG_COUNT']) : 0
  return {
    ...env,
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: `credential.${origin}.helper`,
    [`GIT_CONFIG_VALUE_${count}`]: HELPER,
    [TOKEN]: token.reveal(),
  }
}

/** Scheme, host and port; undefined where it is no HTTP. */
function originOf(url: string): string | undefined {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return undefined
  return new URL(url).origin
}
