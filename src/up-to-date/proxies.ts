import { PROXIES } from '../dockerfile/variables.js'
import type { Env } from '../exec.js'

/** The proxies of an environment, by the names of their variables, without the logins in their URLs. */
export function proxiesIn(env: Env): Map<string, string> {
  return new Map(
    [...PROXIES].flatMap((name) => {
      const value = env[name]
      return value === undefined ? [] : [[name, value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, '$1')] as const]
    }),
  )
}
