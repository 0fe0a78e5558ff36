import { UserError } from '../../../errors.js'
import { attempt, type RunResult } from '../../../exec.js'
import { profileFor } from './apparmor.js'
import type { Namespace } from '../../../lib/held-namespace.js'
import type { Host } from './host.js'
import type { Place } from './probe.js'

interface Cause {
  readonly cause: string
  readonly hint: string
}

/** Who makes the namespace, and with which Buildah. */
interface Maker {
  readonly user: string
  readonly program: string
}

const NEEDED_IDS = 65536

/**
 * Looks at a user namespace that Buildah has made, and so sees whether a rootless build can work at all.
 * @param held undefined where none can be held: then one is made just to look at it
 * @returns warnings
 * @throws UserError that names what stops it, and the hint
 */
export async function checkNamespaces(
  { buildah, folder, host }: Place,
  held: Pick<Namespace, 'uidMap'> | undefined,
): Promise<string[]> {
  const { buildUser } = folder
  // As real root, no namespace is needed, and Buildah makes none.
  if (buildUser.uid === 0) return []
  const result =
    held === undefined
      ? await attempt([...buildUser.prefix, buildah.launcher, 'unshare', 'cat', '/proc/self/uid_map'], {
          env: folder.env,
          cwd: folder.path,
        })
      : { exitCode: 0, stdout: held.uidMap, stderr: '' }
  const failure = explainNamespaces(result, host, { user: buildUser.name, program: buildah.path })
  if (failure !== undefined) throw new UserError(`A rootless build can't work here: ${failure.cause}.`, failure.hint)
  const ids = Math.min(host.subuids, host.subgids)
  if (ids === 0 || ids >= NEEDED_IDS) return []
  return [
    `The user ${buildUser.name} has only ${ids} subordinate IDs; files with a higher owner ID can't be unpacked. Give it 65536: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${buildUser.name}`,
  ]
}

/**
 * What stops user namespaces here, from how `buildah unshare cat /proc/self/uid_map` ended; pure.
 * @returns the cause and its hint; undefined when the mapping is usable
 */
export function explainNamespaces(result: RunResult, host: Host, { user, program }: Maker): Cause | undefined {
  const ids = result.stdout.split('\n').reduce((sum, line) => sum + (Number(line.trim().split(/\s+/)[2]) || 0), 0)
  if (result.exitCode === 0 && ids > 1) return undefined
  return (
    closedKernel(host) ??
    filtered(result, host, program) ??
    missingTool(host) ??
    missingRange(host, user) ??
    powerlessTool(host) ??
    unknownCause(result, host)
  )
}

function closedKernel(host: Host): Cause | undefined {
  if (host.maxUserNamespaces === 0) {
    return {
      cause: 'the kernel allows no user namespaces (user.max_user_namespaces is 0)',
      hint: 'sudo sysctl -w user.max_user_namespaces=65536',
    }
  }
  if (host.usernsClone === 0) {
    return {
      cause: 'the kernel allows user namespaces to root only (kernel.unprivileged_userns_clone is 0)',
      hint: 'sudo sysctl -w kernel.unprivileged_userns_clone=1',
    }
  }
  return undefined
}

/** The kernel said no to the namespace itself, before any id was mapped. */
function filtered(result: RunResult, host: Host, program: string): Cause | undefined {
  if (!/CLONE_NEWUSER\)?.*(Operation not permitted|Permission denied)|unshare\(\.\.\.\)/i.test(result.stderr))
    return undefined
  if (host.apparmorRestricts && !host.inContainer) {
    return {
      cause: 'AppArmor restricts user namespaces to programs with a profile',
      hint: profileFor(program),
    }
  }
  if (!host.seccomp) return undefined
  const options = '--security-opt seccomp=unconfined --security-opt apparmor=unconfined'
  return {
    cause: 'a seccomp filter, as in containers, forbids user namespaces',
    hint: `container:\n  options: ${options}\nIn act's own job container: act --container-options "${options}"`,
  }
}

function missingTool(host: Host): Cause | undefined {
  const missing = host.newuidmap === undefined ? 'newuidmap' : host.newgidmap === undefined ? 'newgidmap' : undefined
  if (missing === undefined) return undefined
  return {
    cause: `the program ${missing} is missing`,
    hint: 'sudo apt-get install uidmap   # Fedora: shadow-utils, Alpine: shadow-uidmap, openSUSE: shadow',
  }
}

function missingRange(host: Host, user: string): Cause | undefined {
  const file = host.subuids === 0 ? '/etc/subuid' : host.subgids === 0 ? '/etc/subgid' : undefined
  if (file === undefined) return undefined
  return {
    cause: `${file} gives the user ${user} no subordinate IDs`,
    hint: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}   # any free range of 65536`,
  }
}

function powerlessTool(host: Host): Cause | undefined {
  if (host.noNewPrivileges) {
    return {
      cause: 'the process may not gain privileges (no_new_privs), so newuidmap has no effect',
      hint: 'Allow it for this container: `allowPrivilegeEscalation: true` in Kubernetes, no `--security-opt no-new-privileges` in Docker.',
    }
  }
  const tool = [host.newuidmap, host.newgidmap].find((found) => found?.setuid === false)
  if (tool === undefined) return undefined
  return {
    cause: `${tool.path} can't map IDs: it isn't setuid, and doesn't seem to have the capability`,
    hint: `sudo chmod u+s ${tool.path}   # in a container: setcap ${tool === host.newuidmap ? 'cap_setuid' : 'cap_setgid'}+ep ${tool.path}`,
  }
}

function unknownCause(result: RunResult, host: Host): Cause {
  const said = messages(result.stderr.trim() || result.stdout.trim())
  if (host.inContainer) {
    return {
      cause: `newuidmap can't map IDs in this container (${said})`,
      hint: 'In the container image: chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap && setcap cap_setuid+ep /usr/bin/newuidmap && setcap cap_setgid+ep /usr/bin/newgidmap',
    }
  }
  return {
    cause: `no user namespace could be created (${said})`,
    hint: 'Run `buildah unshare cat /proc/self/uid_map` as the user of the step: it should print a range of 65536 IDs.',
  }
}

/** The last messages of Buildah, without the time and level that its logger puts around them. */
function messages(output: string): string {
  const bare = output.replaceAll(/^time="[^"]*" level=\w+ msg=/gm, '')
  return bare.split('\n').slice(-3).join('; ')
}
