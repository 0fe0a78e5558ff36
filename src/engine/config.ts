import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import lt from 'semver/functions/lt.js'
import type { Buildah } from './install.js'
import type { Machine } from './machine.js'
import { NETAVARK_SINCE } from './probe.js'
import { type Folder, writePrivate } from './storage.js'

/** Private configuration of Buildah, made from the user's own, which stays as it is. */
export interface Config {
  /** Path of a registries.conf(5); undefined when the user's own serves. */
  readonly registries: string | undefined
  /** Path of a containers-policy.json(5); undefined when the machine has one. */
  readonly policy: string | undefined
}

const SYSTEM = '/etc/containers'

/**
 * Writes what the machine's configuration lacks into the private folder: where short names (`FROM alpine`) are looked
 * up, which registries may be spoken to without TLS, and a signature policy, without which Buildah pulls nothing.
 * @param insecure registries, host and port, that the user allowed that for
 */
export async function writeConfig(folder: Folder, insecure: readonly string[]): Promise<Config> {
  const own = ownFolder(folder)
  const [main = '', ...dropIns] = await readRegistriesConf(folder)
  const registries = registriesConf(main, dropIns, insecure)
  const policy = await firstText([join(own, 'policy.json'), join(SYSTEM, 'policy.json')])
  return {
    registries: registries === undefined ? undefined : await writePrivate(folder, 'registries.conf', registries),
    policy:
      policy === undefined
        ? await writePrivate(folder, 'policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}\n')
        : undefined,
  }
}

/** The user's registries.conf(5), empty where there is none, then the files that are read with it, in this order. */
export async function readRegistriesConf(folder: Folder): Promise<string[]> {
  const own = ownFolder(folder)
  const main = await firstText([
    folder.env['CONTAINERS_REGISTRIES_CONF'] ?? join(own, 'registries.conf'),
    join(SYSTEM, 'registries.conf'),
  ])
  const dropIns = await Promise.all([SYSTEM, own].map((place) => textsIn(join(place, 'registries.conf.d'))))
  return [main ?? '', ...dropIns.flat()]
}

function ownFolder({ account }: Folder): string {
  return join(account.home, '.config/containers')
}

/**
 * Buildah with both ways to a network takes the older one, CNI, where a storage has images and nothing in it says which
 * it was made with: in an empty one, where it was tried out, it has taken netavark.
 */
export async function settleNetwork(
  root: string,
  { account }: Folder,
  { version }: Buildah,
  { netavark }: Machine,
): Promise<void> {
  // Without root there is another way to a network.
  if (account.uid !== 0 || netavark === undefined || !lt(version, NETAVARK_SINCE)) return
  await writeFile(join(root, 'defaultNetworkBackend'), 'netavark', { flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}

/**
 * The text of a registries.conf(5) that says what the user's own says and, where that is silent, that short names are
 * Docker Hub's, as with Docker; then the insecure registries that it doesn't name itself. Pure.
 * @param main the user's main file
 * @param dropIns the files of registries.conf.d, which Buildah reads as well
 * @returns undefined when nothing need be added
 */
export function registriesConf(
  main: string,
  dropIns: readonly string[],
  insecure: readonly string[],
): string | undefined {
  // The old form can't be mixed with the new one; it names its own short names.
  if (/^\s*\[registries\./m.test(main)) return undefined
  const all = [main, ...dropIns]
  const search = all.some((text) => /^\s*unqualified-search-registries\s*=/m.test(text))
    ? []
    : ['unqualified-search-registries = ["docker.io"]']
  const named = (host: string) =>
    all.some((text) =>
      text
        .split('\n')
        .some(
          (line) =>
            /^\s*(location|prefix)\s*=/.test(line) &&
            [`"${host}"`, `'${host}'`].some((quoted) => line.includes(quoted)),
        ),
    )
  const added = insecure
    .filter((host) => !named(host))
    .map((host) => `[[registry]]\nlocation = ${JSON.stringify(host)}\ninsecure = true`)
  if (search.length + added.length === 0) return undefined
  // A key of the top level must stand in front of the first table.
  return [...search, main.trim(), ...added, ''].join('\n')
}

async function firstText(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await textOf(path)
    if (text !== undefined) return text
  }
  return undefined
}

async function textsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const texts = await Promise.all(
    names.filter((name) => name.endsWith('.conf')).map((name) => textOf(join(folder, name))),
  )
  return texts.filter((text) => text !== undefined)
}

/** A file that isn't there or that this user can't read says nothing: Buildah, as the same user, can't read it either. */
async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined)
}
