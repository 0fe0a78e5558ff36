import { chmod, copyFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import coerce from 'semver/functions/coerce.js'
import gte from 'semver/functions/gte.js'
import satisfies from 'semver/functions/satisfies.js'
import type { Context } from '../../../runner/context.js'
import { UserError } from '../../../errors.js'
import { execute, findProgram } from '../../../exec.js'
import { info } from '../../../log.js'
import { firstClosedFolder } from '../../access.js'
import { launcherOf } from './apparmor.js'
import { fetchBuildah } from './download.js'
import { readAppArmor } from './host.js'
import { installPackages } from './packages.js'
import { type Need, unmet } from './requirements.js'
import type { WorkDir } from '../../work-dir.js'

/** A Buildah on this machine. */
export interface Buildah {
  readonly path: string
  /** The program that makes its user namespaces: itself, or another Buildah that AppArmor allows it to. */
  readonly launcher: string
  /** Three numbers, `1.28.2`. */
  readonly version: string
  /** How it came to be chosen, for the log. */
  readonly reason: string
}

export interface BuildahConstraint {
  /** Of semver, or `bundled` for the one of the manifest. */
  readonly range: string | undefined
  /**
   * Path or URL of a manifest in the shape of actions/versions-manifest, each file with a `sha256`; undefined for that of
   * the action itself.
   */
  readonly manifest: string | undefined
  readonly needs: readonly Need[]
}

type Located = Pick<Buildah, 'path' | 'version'>

/** The command line that starts it outside of a user namespace. Pure. */
export function commandOf({ path, launcher }: Pick<Buildah, 'path' | 'launcher'>): string[] {
  return path === launcher ? [path] : [launcher, 'unshare', path]
}

/**
 * Finds a Buildah that fits, or gets one: the one on PATH, else one of the manifest, else the package manager's. That goes
 * before the manifest where Buildah isn't all that is missing.
 * @throws UserError when there is none: what was found, what was asked for, what to do.
 */
export async function provideBuildah(options: BuildahConstraint, context: Context, folder: WorkDir): Promise<Buildah> {
  const onPath = await locate(folder)
  const found = await choose(onPath, 'found on PATH', options, folder)
  if (found !== undefined) return found

  const failures: string[] = []
  const fromPackages = async () => {
    failures.push(...(await installPackages(context)))
    const how = onPath === undefined ? 'installed' : 'upgraded'
    return await choose(await locate(folder), `${how} with the package manager`, options, folder)
  }
  const isBare = onPath === undefined && (await lacksHelpers(folder))
  const first = isBare ? await fromPackages() : undefined
  if (first !== undefined) return first
  const archive = await fromManifest(options, context, folder, onPath)
  if ('path' in archive) return archive
  failures.push(...archive.failures)
  const last = isBare || options.range === 'bundled' ? undefined : await fromPackages()
  return last ?? refuse(options, await locate(folder), failures)
}

/** What is installed, if it fits. @throws UserError when no other would do better */
async function choose(
  found: Located | undefined,
  reason: string,
  options: BuildahConstraint,
  folder: WorkDir,
): Promise<Buildah | undefined> {
  if (found === undefined) return undefined
  if (misfit(found.version, options) === undefined) return await launched(found, reason, folder)
  if (isHopeless(options, found.version)) return refuse(options, found, [])
  return undefined
}

/** Whether no newer Buildah would do better than this one. */
function isHopeless(options: BuildahConstraint, version: string): boolean {
  return unmet(options.needs, version).some(
    ({ since, below }) => since === undefined || (below !== undefined && gte(version, below)),
  )
}

/** Whether Buildah alone couldn't build here as this account. */
async function lacksHelpers({ buildUser, env }: WorkDir): Promise<boolean> {
  if (buildUser.uid === 0) return false
  return (await findProgram('newuidmap', env, ['/usr/bin'])) === undefined || (await readAppArmor(env)).restricts
}

async function launched(located: Located, reason: string, { buildUser, env }: WorkDir): Promise<Buildah> {
  const { path } = located
  const launcher = buildUser.uid === 0 ? path : launcherOf(path, await readAppArmor(env))
  const by = launcher === path ? '' : `, started by ${launcher}, which AppArmor allows user namespaces`
  return { ...located, launcher, reason: `${reason}${by}` }
}

/** One of the manifest; or what stands in the way of it, in lines. */
async function fromManifest(
  options: BuildahConstraint,
  context: Context,
  folder: WorkDir,
  onPath: Located | undefined,
): Promise<Buildah | { readonly failures: string[] }> {
  const { manifest: source } = options
  const manifest =
    source === undefined
      ? { kind: 'own' as const, source: context.buildahManifest, base: context.actionRepository }
      : { kind: 'given' as const, source }
  const wanted = { ...options, range: options.range === 'bundled' ? undefined : options.range }
  const fetched = await fetchBuildah(manifest, (version) => misfit(version, wanted) === undefined, context)
  if (fetched === undefined) return { failures: [] }
  if ('missing' in fetched) {
    info(`Buildah of this action: none (${fetched.missing})`)
    return { failures: [`This action's own Buildah isn't available here: ${fetched.missing}.`] }
  }
  const path = await withinReach(fetched.path, folder)
  const version = await versionOf(path, folder)
  const flaw = misfit(version, wanted)
  if (flaw !== undefined) {
    throw new UserError(
      `Input "buildah-manifest": ${manifest.source} gave Buildah ${version}, which isn't the version that it lists: ${flaw}.`,
      'Correct the version of that archive in the manifest.',
    )
  }
  const why =
    onPath === undefined
      ? ''
      : `, because ${onPath.version} on PATH isn't enough: ${misfit(onPath.version, options) ?? ''}`
  return await launched(
    { path, version },
    `${source === undefined ? 'of this action' : `from the manifest ${source}`}${why}`,
    folder,
  )
}

/** The program, or a copy of it in the private folder where the account may not go to where it is. */
async function withinReach(program: string, { path, buildUser }: WorkDir): Promise<string> {
  if (buildUser.prefix.length === 0 || (await firstClosedFolder(dirname(program), buildUser)) === undefined)
    return program
  const copy = join(path, 'buildah')
  await copyFile(program, copy)
  await chmod(copy, 0o755)
  return copy
}

function refuse(options: BuildahConstraint, installed: Located | undefined, failures: readonly string[]): never {
  const missing =
    options.range === 'bundled'
      ? 'Input "buildah-version": got "bundled", and there is none'
      : 'Buildah is not on this machine'
  const found =
    installed === undefined
      ? missing
      : `Buildah ${installed.version} (${installed.path}) doesn't meet the requirements: ${misfit(installed.version, options) ?? ''}`
  const listed = options.manifest === undefined ? '' : `, and ${options.manifest} lists none for ${arch()} that can`
  throw new UserError(`${found}${listed}.`, [...failures, hintFor(installed, options)].join('\n'))
}

/** Why this version doesn't match the constraint, undefined when it does; pure. */
export function misfit(version: string, options: BuildahConstraint): string | undefined {
  if (options.range === 'bundled') return 'input "buildah-version" asks for the action\'s own'
  if (options.range !== undefined && !satisfies(version, options.range))
    return `input "buildah-version" asks for ${options.range}`
  const open = unmet(options.needs, version)
  if (open.length === 0) return undefined
  return open.map(({ what, since, below }) => `${what} needs Buildah ${versions(since, below)}`).join('; ')
}

function versions(since: string | undefined, below: string | undefined): string {
  if (since === undefined) return "in a version that doesn't exist yet"
  return below === undefined ? since : `below ${below}`
}

async function locate(folder: WorkDir): Promise<Located | undefined> {
  const path = await findProgram('buildah', folder.env, ['/usr/bin', '/usr/local/bin'])
  return path === undefined ? undefined : { path, version: await versionOf(path, folder) }
}

/** Asked as the account and in the private folder: even for this, Buildah makes folders below XDG_RUNTIME_DIR. */
async function versionOf(path: string, { buildUser, env, path: cwd }: WorkDir): Promise<string> {
  const { stdout } = await execute([...buildUser.prefix, path, '--version'], { env, cwd })
  const version = coerce(/version (\S+)/.exec(stdout)?.[1])?.version
  if (version === undefined) throw new Error(`${path} --version prints no version: ${stdout.trim()}`)
  return version
}

function hintFor(installed: { version: string } | undefined, options: BuildahConstraint): string {
  if (installed === undefined)
    return 'Install Buildah on the machine, or name an archive of it with "buildah-manifest".'
  const remedy = unmet(options.needs, installed.version).find((need) => need.remedy !== undefined)?.remedy
  if (remedy !== undefined) return remedy
  if (options.needs.some(({ since }) => since === undefined)) return 'Remove that feature from the Dockerfile.'
  return 'Use a runner with a newer Buildah (`runs-on: ubuntu-26.04` has 1.42), or name an archive of a newer one with "buildah-manifest".'
}
