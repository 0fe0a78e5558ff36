import { UserError } from '../../../errors.js'
import type { RegistryMirror } from '../../../runner/registry-inputs.js'
import { readTables } from './registries-tables.js'

/**
 * The main text of a registries.conf(5) in version 2, with these mirrors. Pure, but for the TOML parser, which is loaded
 * here.
 * @param dropIns files that are read after it
 * @param insecure registries that may be spoken to without TLS
 * @throws UserError where the configuration has something of its own for the same registry, which would win
 */
export async function withMirrors(
  main: string,
  dropIns: readonly string[],
  mirrors: readonly RegistryMirror[],
  insecure: readonly string[],
): Promise<string> {
  if (mirrors.length === 0) return main
  const { registries } = await readTables([main, ...dropIns])
  const prefixes = [...new Set(mirrors.map(({ prefix }) => prefix))]
  const known = prefixes.find((prefix) => registries.has(prefix))
  if (known !== undefined)
    throw new UserError(
      `Input "registry-mirrors": the registries.conf of this machine has a [[registry]] for ${known} already.`,
      'Add the mirror there as a [[registry.mirror]], or remove that table.',
    )
  const isInsecure = (registry: string) => (insecure.includes(registry) ? ['insecure = true'] : [])
  const tables = prefixes.flatMap((prefix) => [
    '[[registry]]',
    `location = ${JSON.stringify(prefix)}`,
    ...isInsecure(prefix),
    ...mirrors
      .filter((mirror) => mirror.prefix === prefix)
      .flatMap(({ registry, location }) => [
        '[[registry.mirror]]',
        `location = ${JSON.stringify(location)}`,
        ...isInsecure(registry),
      ]),
  ])
  return [main.trim(), ...tables, ''].join('\n')
}
