import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { Account } from './account.js'

/** A command line that a script is run behind: it changes what the script finds around it, then becomes the account. */
export type StepInputs = (account: Account) => readonly string[]

/**
 * A mount namespace of its own in which each path is covered by another file or folder; `/dev/null` makes a program
 * one that nobody can run. The machine itself stays as it is.
 */
export function withCovered(covers: Readonly<Record<string, string>>): StepInputs {
  const { script, args } = covering(covers)
  return inMountNamespace(script, args)
}

function covering(covers: Readonly<Record<string, string>>): { script: string; args: readonly string[] } {
  const pairs = Object.entries(covers).flatMap(([path, by]) => [by, path])
  const script = 'left=$1; shift; for (( ; left > 0; left-- )); do mount --bind "$1" "$2"; shift 2; done'
  return { script, args: [String(pairs.length / 2), ...pairs] }
}

/** A machine without these programs, wherever a distribution puts them. */
export function withoutPrograms(...names: readonly string[]): StepInputs {
  return withCovered(nothingFor(names))
}

function nothingFor(names: readonly string[]): Record<string, string> {
  const paths = names.flatMap((name) => programFolders.map((folder) => join(folder, name)))
  return Object.fromEntries(paths.filter((path) => existsSync(path)).map((path) => [path, '/dev/null']))
}

const programFolders = ['/usr', '/usr/local'].flatMap((root) =>
  ['bin', 'sbin', 'lib/podman', 'libexec/podman'].map((below) => join(root, below)),
)

/**
 * A mount namespace of its own in which this folder lies on an overlay, whose upper layer is another folder, as what a
 * container writes does; without fuse-overlayfs.
 */
export function withOverlayAt(folder: string, layers: { lower: string; upper: string; work: string }): StepInputs {
  const options = `lowerdir=${layers.lower},upperdir=${layers.upper},workdir=${layers.work}`
  const { script, args } = covering(nothingFor(['fuse-overlayfs']))
  return inMountNamespace(`mount -t overlay -o "$1" overlay "$2"; shift 2; ${script}`, [options, folder, ...args])
}

/**
 * A machine like a GitHub-hosted runner, as far as isolation goes: cgroup v2 alone, where crun runs without root, and
 * devices that everybody may open, for fuse-overlayfs and slirp4netns. The machine of the tests may be a hybrid of v1 and v2.
 */
export const likeHostedRunner: StepInputs = likeHostedRunnerWithout()

/** The same without these programs. */
export function likeHostedRunnerWithout(...names: readonly string[]): StepInputs {
  const { script, args } = covering(nothingFor(names))
  const hosted = [
    // Nobody outside of this namespace sees what lies there.
    'mount -t tmpfs -o mode=755 none /mnt',
    `source '${join(import.meta.dirname, '../../scripts/hosted/lookalike.sh')}'`,
    'isolate_like_hosted /mnt',
  ]
  return inMountNamespace([...hosted, script].join('\n'), args)
}

/** A process with a terminal, as a runner has that was started by hand. */
export const onTerminal: StepInputs = (account) => [
  ...['python3', '-c', 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'],
  ...[...become(account), '--'],
]

/** The PATH that Debian gives ordinary accounts: without the folders of root's programs. */
export const withPathOfAccounts: StepInputs = (account) => [
  ...[...become(account), '--'],
  ...['env', 'PATH=/usr/local/bin:/usr/bin:/bin'],
]

/** A process that may not gain privileges, as Kubernetes' `allowPrivilegeEscalation: false` makes it. */
export const withoutNewPrivileges: StepInputs = (account) => [...become(account, '--no-new-privs'), '--']

/**
 * A user namespace with all users in it that allows no further one: the limit is that of the namespace, so the
 * machine's own stays as it is.
 */
export const withoutUserNamespaces: StepInputs = (account) => {
  const inside = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
  // Until the maps are written from outside, its user is nobody; then a new program has root's rights in there.
  const waiting = `until [[ $(id -u) == 0 ]]; do sleep 0.02; done; exec /bin/bash -c '${inside}' "$0" "$@"`
  const script = [
    'unshare --user /bin/bash -c "$0" "$@" &',
    'for map in gid_map uid_map; do',
    '  until echo 0 0 4294967295 >"/proc/$!/$map"; do sleep 0.02; done',
    'done 2>/dev/null',
    'wait $!',
  ].join('\n')
  return ['/bin/bash', '-c', script, waiting, 'bash', ...become(account), '--']
}

function inMountNamespace(script: string, args: readonly string[]): StepInputs {
  return (account) => [
    ...['unshare', '--mount', '--propagation', 'private', '--'],
    ...['/bin/bash', '-c', `set -e; ${script}; exec "$@"`, 'bash', ...args, ...become(account), '--'],
  ]
}

function become({ uid, gid }: Account, ...options: readonly string[]): string[] {
  return ['setpriv', ...options, ...(uid === 0 ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'])]
}
