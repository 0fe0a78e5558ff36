import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { info } from '@actions/core'
import coerce from 'semver/functions/coerce.js'
import satisfies from 'semver/functions/satisfies.js'
import type { Context } from '../context.js'
import { UserError } from '../errors.js'
import { attempt, CommandError, execute, findProgram, formatCommand, type Env } from '../exec.js'
import { unmet, type Need } from './features.js'

/** A Buildah on this machine. */
export interface Buildah {
  readonly path: string
  /** Three numbers, `1.28.2`. */
  readonly version: string
  /** How it came to be chosen, for the log. */
  readonly reason: string
}

export interface BuildahWish {
  readonly range: string | undefined
  /** Path or URL of a manifest in the shape of actions/versions-manifest, each file with a `sha256`. */
  readonly manifest: string | undefined
  readonly needs: readonly Need[]
}

interface Release {
  readonly version: string
  readonly stable: boolean
  readonly files: readonly { arch: string; platform: string; download_url: string; filename: string; sha256: string }[]
}

/**
 * Finds a Buildah that fits, or installs one: the one on PATH, else the package manager's, else one of the manifest.
 * @throws UserError when there is none: what was found, what was asked for, what to do.
 */
export async function provideBuildah(wish: BuildahWish, context: Context): Promise<Buildah> {
  const found = await locate(context.env)
  if (found !== undefined && misfit(found, wish) === undefined) return { ...found, reason: 'found on PATH' }
  if (found !== undefined && wish.manifest !== undefined) return await fromManifest(wish, wish.manifest, context, found)

  const trouble = await installPackages(context)
  const installed = await locate(context.env)
  if (installed !== undefined && misfit(installed, wish) === undefined) {
    return {
      ...installed,
      reason:
        found === undefined
          ? 'installed with the package manager'
          : `upgraded from ${found.version} with the package manager`,
    }
  }
  if (wish.manifest !== undefined) return await fromManifest(wish, wish.manifest, context, installed)
  throw new UserError(
    installed === undefined
      ? 'Buildah is not on this machine.'
      : `Buildah ${installed.version} (${installed.path}) doesn't do: ${misfit(installed, wish) ?? ''}.`,
    [...(trouble === undefined ? [] : [trouble]), cureFor(installed, wish)].join('\n'),
  )
}

/** Why this version doesn't fit the wish, undefined when it does; pure. */
export function misfit(found: { readonly version: string }, wish: BuildahWish): string | undefined {
  if (wish.range !== undefined && !satisfies(found.version, wish.range))
    return `input "buildah-version" asks for ${wish.range}`
  const open = unmet(wish.needs, found.version)
  if (open.length === 0) return undefined
  return open
    .map(({ what, since }) => `${what} needs Buildah ${since ?? 'of a version that doesn’t exist yet'}`)
    .join('; ')
}

/** Command lines that install Buildah and what a rootless build needs, for each package manager; pure. */
export function packageCommands(manager: string): string[][] {
  switch (manager.split('/').pop()) {
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

async function locate(env: Env): Promise<{ path: string; version: string } | undefined> {
  const path = await findProgram('buildah', env, ['/usr/bin', '/usr/local/bin'])
  return path === undefined ? undefined : { path, version: await versionOf(path, env) }
}

async function versionOf(path: string, env: Env): Promise<string> {
  const { stdout } = await execute([path, '--version'], { env })
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
    return `It could not be installed: the step isn't root, and \`sudo -n\` doesn't work here. As root, run:\n${commands.map((argv) => `  ${formatCommand(argv)}`).join('\n')}`
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

function cureFor(installed: { version: string } | undefined, wish: BuildahWish): string {
  if (installed === undefined)
    return 'Install Buildah on the machine, or say with "buildah-manifest" where an archive of it is.'
  if (wish.needs.some(({ since }) => since === undefined)) return 'Leave that feature out of the Dockerfile.'
  return 'Take a runner with a newer Buildah (`runs-on: ubuntu-26.04` has 1.42), or say with "buildah-manifest" where an archive of a newer one is.'
}

async function fromManifest(
  wish: BuildahWish,
  source: string,
  context: Context,
  found: { version: string } | undefined,
): Promise<Buildah> {
  const tools = await import('@actions/tool-cache')
  if (context.toolCache === undefined) {
    throw new UserError(
      'Input "buildah-manifest" needs a tool cache, and RUNNER_TOOL_CACHE is not set.',
      'Set it to a folder that the user who runs the step may write.',
    )
  }
  const releases = (await readManifest(source, context)).filter(
    ({ version }) => unmet(wish.needs, version).length === 0,
  )
  const release = (await tools.findFromManifest(wish.range ?? '*', true, releases.map(toolRelease), arch())) as
    Release | undefined
  const file = release?.files[0]
  if (release === undefined || file === undefined) {
    throw new UserError(
      `Input "buildah-manifest": ${source} lists no Buildah for ${platform()} ${arch()} that fits${wish.range === undefined ? '' : ` "buildah-version: ${wish.range}"`}${found === undefined ? '' : `, nor does ${found.version} of this machine (${misfit(found, wish) ?? ''})`}.`,
      'Add one to the manifest, or ask for another version.',
    )
  }
  const cached = tools.find('buildah', release.version) || (await download(tools, file, release.version))
  const path = `${cached}/bin/buildah`
  return { path, version: await versionOf(path, context.env), reason: `from the manifest ${source}` }
}

async function download(
  tools: typeof import('@actions/tool-cache'),
  file: Release['files'][number],
  version: string,
): Promise<string> {
  const archive = await tools.downloadTool(file.download_url)
  const got = await sha256(archive)
  if (got !== file.sha256.toLowerCase()) {
    throw new UserError(
      `${file.download_url} has the SHA-256 ${got}, and the manifest says ${file.sha256}. It is not used.`,
      'Correct the manifest ("buildah-manifest"), or find out who changed the archive.',
    )
  }
  return await tools.cacheDir(await tools.extractTar(archive), 'buildah', version)
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function readManifest(source: string, context: Context): Promise<Release[]> {
  const tools = await import('@actions/tool-cache')
  const refuse = (why: string, cause?: unknown) =>
    new UserError(
      `Input "buildah-manifest": ${source} ${why}.`,
      'It is a JSON list: [{"version": "1.43.2", "stable": true, "files": [{"filename": "…", "arch": "x64", "platform": "linux", "download_url": "https://…", "sha256": "…"}]}].',
      cause === undefined ? {} : { cause },
    )
  let text: string
  try {
    const path = /^https?:/.test(source) ? await tools.downloadTool(source) : resolve(context.workspace, source)
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw refuse('could not be read', error)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((entry) => isRelease(entry))) return value
  } catch (error) {
    throw refuse('is not JSON', error)
  }
  throw refuse('is not in the form of a versions manifest with the SHA-256 of each file')
}

function isRelease(value: unknown): value is Release {
  const { version, stable, files } = (value ?? {}) as Partial<Release>
  return (
    typeof version === 'string' &&
    typeof stable === 'boolean' &&
    Array.isArray(files) &&
    files.every((file: Partial<Release['files'][number]>) => {
      const texts = [file.arch, file.platform, file.download_url]
      return texts.every((text) => typeof text === 'string') && /^[0-9a-f]{64}$/i.test(file.sha256 ?? '')
    })
  )
}

function toolRelease(release: Release): Release & { release_url: string; files: Release['files'][number][] } {
  return { ...release, release_url: '', files: [...release.files] }
}
