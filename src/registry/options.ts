import type { Logins } from '../auth/keychain.js'
import type { Env } from '../exec.js'
import type { Clock } from '../lib/clock.js'

/** Who asks registries, and how. */
export interface RegistriesOptions extends Logins {
  /** Registries (`host:port`) that the user allowed plain HTTP and unknown certificates for, and no other. */
  readonly insecure: readonly string[]
  /** For credential helpers and certificates; proxies are those of this process. */
  readonly env: Env
  /** Default, the system's. */
  readonly clock?: Clock
}
