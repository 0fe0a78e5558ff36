import type { Context } from '../../../runner/context.js'
import { attempt, CommandError, findProgram, formatCommand } from '../../../exec.js'
import { info } from '../../../log.js'

/** Installs Buildah and its helpers. Returns what went wrong, for the error that follows when no fitting Buildah is there then. */
export async function installPackages(context: Context): Promise<string[]> {
  const { env } = context
  const managers = await Promise.all(['apt-get', 'dnf', 'apk', 'zypper'].map((name) => findProgram(name, env)))
  const manager = managers.find((path) => path !== undefined)
  if (manager === undefined)
    return ['The machine has no package manager that this action knows (apt-get, dnf, apk, zypper).']
  const commands = packageCommands(manager)
  const prefix = await rootPrefix(context)
  if (prefix === undefined) {
    return [
      "Nothing could be installed: the step isn't root, and `sudo -n` doesn't work here. As root, run:",
      ...commands.map((argv) => `  ${formatCommand(argv)}`),
    ]
  }
  info(`Installing Buildah and what a rootless build needs with ${manager.split('/').pop() ?? manager}`)
  for (const argv of commands) {
    const result = await attempt([...prefix, ...argv], { env })
    // A failed update (one mirror of many) need not hinder the installation; what that says is what counts.
    if (result.exitCode !== 0 && argv === commands.at(-1))
      return [new CommandError(argv, result.exitCode, result.stderr || result.stdout).message]
  }
  return []
}

async function rootPrefix({ uid, env }: Context): Promise<string[] | undefined> {
  if (uid === 0) return []
  const sudo = await findProgram('sudo', env)
  if (sudo === undefined) return undefined
  return (await attempt([sudo, '-n', 'true'], { env })).exitCode === 0 ? [sudo, '-n'] : undefined
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
      throw new Error(`unknown package manager: ${manager}`)
  }
}
