import { join } from 'node:path'

import { makeWorkspace } from './folders.js'

/** /etc/containers/registries.conf as GitHub's Ubuntu images have it, byte for byte. */
export const githubRegistriesConf = {
  /** Since July 2026. */
  version2: 'unqualified-search-registries = ["docker.io", "quay.io"]\n',
  /** Before, and on machines that were set up after them. */
  version1: "[registries.search]\nregistries = ['docker.io', 'quay.io']\n",
}

/**
 * Writes a registries.conf by which these registries may be spoken to without TLS or with an unknown certificate, as a
 * user with registries of their own has it. For the variable CONTAINERS_REGISTRIES_CONF.
 */
export function insecureRegistries(...hosts: readonly string[]): string {
  const tables = hosts.map((host) => `[[registry]]\nlocation = ${JSON.stringify(host)}\ninsecure = true\n`)
  return join(makeWorkspace({ 'registries.conf': tables.join('\n') }), 'registries.conf')
}
