import { arch } from 'node:os'
import coerce from 'semver/functions/coerce.js'
import gte from 'semver/functions/gte.js'
import satisfies from 'semver/functions/satisfies.js'
import type { Context } from '../../runner/context.js'
import { UserError } from '../../errors.js'
import { attempt, CommandError, execute, findProgram, formatCommand } from '../../exec.js'
import { info } from '../../log.js'
import { fetchBuildah } from './download.js'
import { type Need, unmet } from './requirements.js'
import type { WorkDir } from '../work-dir.js'

/** A Buildah on this machine. */
export interface Buildah {
  readonly path: string
  /** Three numbers, `1.28.2`. */
  readonly version: string
  /** How it came to be chosen, for the log. */
  readonly reason: string
}

export interface BuildahConstraint {
  readonly range: string | undefined
  /** Path or URL of a manifest in the shape of actions/versions-manifest, each file with a `sha256`. */
  readonly manifest: string | undefined
  readonly needs: readonly Need[]
}

/**
 * Finds a Buildah that fits, or installs one: the one on PATH, else the package manager's, else one of the manifest.
 * @throws UserError when there is none: what was found, what was asked for, what to do.
 */
export async function provideBuildah(options: BuildahConstraint, context: Context, folder: WorkDir): Promise<Buildah> {
  const found = await locate(folder)
  if (found !== undefined && misfit(found.version, options) === undefined) return { ...found, reason: 'found on PATH' }
  if (found !== undefined && isHopeless(options, found.version)) return refuse(options, found, undefined)
  // What the system has is too old: its package manager seldom has a newer one, so an archive that is offered goes first.
  const archive = found === undefined ? undefined : await fromManifest(options, context, folder, found.version)
  if (archive !== undefined) return archive

  const failure = await installPackages(context)
  const installed = await locate(folder)
  if (installed !== undefined && misfit(installed.version, options) === undefined) {
    return { ...installed, reason: `${found === undefined ? 'installed' : 'upgraded'} with the package manager` }
  }
  return (
    (found === undefined ? await fromManifest(options, context, folder) : undefined) ??
    refuse(options, installed, failure)
  )
}

/** Whether no newer Buildah would do better than this one. */
function isHopeless(options: BuildahConstraint, version: string): boolean {
  return unmet(options.needs, version).some(
    ({ since, below }) => since === undefined || (below !== undefined && gte(version, below)),
  )
}

async function fromManifest(
  options: BuildahConstraint,
  context: Context,
  folder: WorkDir,
  old?: string,
): Promise<Buildah | undefined> {
  if (options.manifest === undefined) return undefined
  const path = await fetchBuildah(options.manifest, (version) => misfit(version, options) === undefined, context)
  if (path === undefined) return undefined
  const version = await versionOf(path, folder)
  const flaw = misfit(version, options)
  const why = old === undefined ? '' : `, since ${old} on PATH doesn't do: ${misfit(old, options) ?? ''}`
  if (flaw === undefined) return { path, version, reason: `from the manifest ${options.manifest}${why}` }
  throw new UserError(
    `Input "buildah-manifest": ${options.manifest} gave Buildah ${version}, another version than it lists: ${flaw}.`,
    'Correct the version of that archive in the manifest.',
  )
}

function refuse(
  options: BuildahConstraint,
  installed: { path: string; version: string } | undefined,
  failure: string | undefined,
): never {
  const found =
    installed === undefined
      ? 'Buildah is not on this machine'
      : `Buildah ${installed.version} (${installed.path}) can't do what is asked for: ${misfit(installed.version, options) ?? ''}`
  const listed = options.manifest === undefined ? '' : `, and ${options.manifest} lists none for ${arch()} that can`
  throw new UserError(
    `${found}${listed}.`,
    [...(failure === undefined ? [] : [failure]), hintFor(installed, options)].join('\n'),
  )
}

/** Why this version doesn't match the constraint, undefined when it does; pure. */
export function misfit(version: string, options: BuildahConstraint): string | undefined {
  if (options.range !== undefined && !satisfies(version, options.range))
    return `input "buildah-version" asks for ${options.range}`
  const open = unmet(options.needs, version)
  if (open.length === 0) return undefined
  return open.map(({ what, since, below }) => `${what} needs Buildah ${versions(since, below)}`).join('; ')
}

function versions(since: string | undefined, below: string | undefined): string {
  if (since === undefined) return 'of a version that doesn’t exist yet'
  return below === undefined ? since : `below ${below}`
}

/** Command lines that install Buildah and what a rootless build needs, for each package manager; pure. */
export function packageCommands(manager: string): string[][] {
  switch (manager.slice(manager.lastIndexOf('/') + 1)) {
    case 'apt-get': {
      // The recommended packages are the OCI runtime and the network helper that fit this release.
      const packages = ['buildah', 'uidmap', 'slirp4netns', 'fuse-overlayfs', 'ca-certificates']
      const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', manager, '-qq', '-o', 'Dpkg::Use-Pty=0']
      return [
        [...quiet, 'update'],
        [...quiet, 'install', '--yes', ...packages],
      ]
    }
    case 'dnf':
      return [
        [manager, 'install', '--assumeyes', '--quiet', 'buildah', 'shadow-utils', 'crun', 'slirp4netns', 'util-linux'],
      ]
    case 'apk':
      return [
        [manager, 'add', '--quiet', 'buildah', 'shadow-uidmap', 'crun', 'slirp4netns', 'fuse-overlayfs', 'setpriv'],
      ]
    case 'zypper':
      return [
        [
          manager,
          '--non-interactive',
          '--quiet',
          'install',
          'buildah',
          'shadow',
          'crun',
          'slirp4netns',
          'fuse-overlayfs',
        ],
      ]
    default:
      throw new Error(`no package manager of this name: ${manager}`)
  }
}

async function locate(folder: WorkDir): Promise<{ path: string; version: string } | undefined> {
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

/** Runs the package manager. Returns what went wrong, for the error that follows when no fitting Buildah is there then. */
async function installPackages(context: Context): Promise<string | undefined> {
  const { env } = context
  const managers = await Promise.all(['apt-get', 'dnf', 'apk', 'zypper'].map((name) => findProgram(name, env)))
  const manager = managers.find((path) => path !== undefined)
  if (manager === undefined)
    return 'No package manager that this action knows (apt-get, dnf, apk, zypper) is on the machine.'
  const commands = packageCommands(manager)
  const prefix = await rootPrefix(context)
  if (prefix === undefined) {
    return `Nothing could be installed: the step isn't root, and \`sudo -n\` doesn't work here. As root, run:\n${commands.map((argv) => `  ${formatCommand(argv)}`).join('\n')}`
  }
  info(`Installing Buildah and what a rootless build needs with ${manager.split('/').pop() ?? manager}`)
  for (const argv of commands) {
    const result = await attempt([...prefix, ...argv], { env })
    // A failed update (one mirror of many) need not hinder the installation; what that says is what counts.
    if (result.exitCode !== 0 && argv === commands.at(-1))
      return new CommandError(argv, result.exitCode, result.stderr || result.stdout).message
  }
  return undefined
}

async function rootPrefix({ uid, env }: Context): Promise<string[] | undefined> {
  if (uid === 0) return []
  const sudo = await findProgram('sudo', env)
  if (sudo === undefined) return undefined
  return (await attempt([sudo, '-n', 'true'], { env })).exitCode === 0 ? [sudo, '-n'] : undefined
}

function hintFor(installed: { version: string } | undefined, options: BuildahConstraint): string {
  if (installed === undefined)
    return 'Install Buildah on the machine, or say with "buildah-manifest" where an archive of it is.'
  if (options.needs.some(({ since }) => since === undefined)) return 'Leave that feature out of the Dockerfile.'
  if (unmet(options.needs, installed.version).some(({ below }) => below !== undefined))
    return 'Take that character out of the label.'
  return 'Take a runner with a newer Buildah (`runs-on: ubuntu-26.04` has 1.42), or say with "buildah-manifest" where an archive of a newer one is.'
}
