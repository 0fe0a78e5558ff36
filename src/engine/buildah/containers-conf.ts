import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import lt from 'semver/functions/lt.js'
import { UserError } from '../../errors.js'
import type { Buildah } from './find/install.js'
import type { Host } from './find/host.js'
import type { RegistryMirror } from '../../runner/registry-inputs.js'
import { withMirrors } from './registries/mirrors.js'
import { NETAVARK_SINCE } from './find/probe.js'
import { convertVersion1 } from './registries/registries-tables.js'
import type { ConfigPlace } from '../engines.js'
import { type WorkDir, writePrivate } from '../work-dir.js'

/** Private configuration of Buildah, made from the user's own, which stays as it is. */
export interface Config {
  /** Path of a registries.conf(5); undefined when the user's own serves. */
  readonly registries: string | undefined
  /** With such a path: the one folder of drop-ins that counts, where Buildah would read both. */
  readonly dropInFolder: string | undefined
  /** Path of a containers-policy.json(5); undefined when the machine has one. */
  readonly policy: string | undefined
}

const SYSTEM = '/etc/containers'

/**
 * A storage.conf(5) without what this Buildah warns of at each command: it takes no two paths of the storage. Without root,
 * one of them is enough for every version, also for an older one in a later step. Pure.
 */
export function withOnePath(storageConf: string, { version }: Pick<Buildah, 'version'>, uid: number): string {
  if (lt(version, '1.45.0')) return storageConf
  return storageConf.replace(uid === 0 ? /^rootless_storage_path = .*\n/m : /^graphroot = .*\n/m, '')
}

/**
 * Writes what the machine's configuration lacks into the private folder: where short names (`FROM alpine`) are looked
 * up, which registries may be spoken to without TLS, and a signature policy, without which Buildah pulls nothing.
 * @param insecure registries, host and port, that the user allowed that for
 * @throws UserError for a mirror that the machine's configuration leaves no room for
 */
export async function writeConfig(
  folder: WorkDir,
  insecure: readonly string[],
  mirrors: readonly RegistryMirror[],
): Promise<Config> {
  const own = ownFolder(folder)
  const { main: written, dropIns, dropInFolder } = await readRegistriesConf(folder)
  const main = await withMirrors(await inVersion2(written), dropIns, mirrors, insecure)
  const added = await registriesConf(main, dropIns, insecure)
  const registries = added ?? (mirrors.length > 0 ? main : undefined)
  const policy = await firstText([join(own, 'policy.json'), join(SYSTEM, 'policy.json')])
  return {
    registries: registries === undefined ? undefined : await writePrivate(folder, 'registries.conf', registries),
    dropInFolder: registries === undefined ? undefined : dropInFolder,
    policy:
      policy === undefined
        ? await writePrivate(folder, 'policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}\n')
        : undefined,
  }
}

/** What Buildah reads of registries.conf(5). */
export interface RegistriesConf {
  /** Text of the main file, '' where there is none. */
  readonly main: string
  /** Texts of the files that are read after it, in this order. */
  readonly dropIns: readonly string[]
  /** The one folder that these are from; undefined where it is the machine's and the user's. */
  readonly dropInFolder: string | undefined
}

/** Reads the user's registries.conf(5) as Buildah does: beside a main file of the user's own, the machine's don't count. */
export async function readRegistriesConf(place: ConfigPlace): Promise<RegistriesConf> {
  const [own, named] = [ownFolder(place), place.env['CONTAINERS_REGISTRIES_CONF']]
  const main = await firstText([named ?? join(own, 'registries.conf')])
  const isOwn = named === undefined && main !== undefined
  const folders = (isOwn ? [own] : [SYSTEM, own]).map((place) => join(place, 'registries.conf.d'))
  return {
    main: main ?? (await firstText([join(SYSTEM, 'registries.conf')])) ?? '',
    dropIns: (await Promise.all(folders.map(textsIn))).flat(),
    dropInFolder: isOwn ? folders[0] : undefined,
  }
}

function ownFolder({ buildUser }: Pick<ConfigPlace, 'buildUser'>): string {
  return join(buildUser.home, '.config/containers')
}

/**
 * Buildah with both ways to a network takes the older one, CNI, where a storage has images and nothing in it says which
 * it was made with: in an empty one, where it was tried out, it has taken netavark.
 */
export async function pinNetworkBackend(
  root: string,
  { buildUser }: WorkDir,
  { version }: Buildah,
  { netavark }: Host,
): Promise<void> {
  // Without root there is another way to a network.
  if (buildUser.uid !== 0 || netavark === undefined || !lt(version, NETAVARK_SINCE)) return
  await writeFile(join(root, 'defaultNetworkBackend'), 'netavark', { flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}

/**
 * The text of a registries.conf(5) that says what the user's own says and, where that is silent, that short names are
 * Docker Hub's, as with Docker; then the insecure registries that it doesn't name itself. A main file in version 1 of the
 * format, with which no table can be mixed, becomes one in version 2. Pure, but for the TOML parser, which is loaded here.
 * @param written the user's main file
 * @param dropIns the files of registries.conf.d, which Buildah reads as well
 * @returns undefined when nothing need be added
 */
export async function registriesConf(
  written: string,
  dropIns: readonly string[],
  insecure: readonly string[],
): Promise<string | undefined> {
  const main = await inVersion2(written)
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

/** The text in version 2 of the format. A file that Buildah will refuse stays as it is: its own error names the line. */
export async function inVersion2(main: string): Promise<string> {
  // Few machines have version 1, and the parser takes a moment to load.
  if (!/^\s*\[?\s*registries\s*[.\]=]/m.test(main)) return main
  try {
    return (await convertVersion1(main)) ?? main
  } catch (error) {
    if (error instanceof UserError) return main
    throw error
  }
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
    names
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => textOf(join(folder, name))),
  )
  return texts.filter((text) => text !== undefined)
}

/** A file that isn't there or that this user can't read says nothing: Buildah, as the same user, can't read it either. */
async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined)
}
