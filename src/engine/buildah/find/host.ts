import { readdir, readFile, stat, statfs } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import type { Env } from '../../../exec.js'
import { findProgram } from '../../../exec.js'
import type { User } from '../../build-user.js'
import { type AppArmor, PROFILED } from './apparmor.js'

/** What decides whether a rootless build works on a machine and with what, as far as files tell; see user_namespaces(7). */
export interface Host {
  readonly kernel: string
  /** /proc/sys/user/max_user_namespaces; undefined where the kernel has no such file. */
  readonly maxUserNamespaces: number | undefined
  /** /proc/sys/kernel/unprivileged_userns_clone (Debian's kernels): 0 forbids. */
  readonly usernsClone: number | undefined
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns (Ubuntu from 23.10 on): 1 restricts to programs with a profile. */
  readonly apparmorRestricts: boolean
  /** This process runs under a seccomp filter, as Docker and Kubernetes put on their containers. */
  readonly seccomp: boolean
  readonly noNewPrivileges: boolean
  readonly inContainer: boolean
  readonly newuidmap: IdMapTool | undefined
  readonly newgidmap: IdMapTool | undefined
  /** Number of subordinate IDs that /etc/subuid and /etc/subgid give the account. */
  readonly subuids: number
  readonly subgids: number
  readonly cgroups: 'v1' | 'hybrid' | 'v2'
  readonly crun: string | undefined
  readonly runc: string | undefined
  readonly fuseOverlayfs: string | undefined
  /** The account may open /dev/fuse, and /dev/net/tun (which slirp4netns and pasta need). */
  readonly fuse: boolean
  readonly tun: boolean
  /** What gives RUN steps of an OCI runtime a network. */
  readonly slirp4netns: boolean
  readonly pasta: boolean
  readonly netavark: string | undefined
  /** Bytes that an ordinary user may still write where the storage will be. */
  readonly freeBytes: number
}

export interface IdMapTool {
  readonly path: string
  readonly setuid: boolean
}

/** Places beside PATH where distributions keep helpers of containers. */
const HELPER_FOLDERS = [
  '/usr/bin',
  '/usr/sbin',
  '/sbin',
  '/usr/local/bin',
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/usr/local/libexec/podman',
  '/usr/local/lib/podman',
]

/** Reads what the machine tells about itself; a few dozen small files, nothing is started. */
export async function readHost(buildUser: User, storageFolder: string, env: Env): Promise<Host> {
  const program = (name: string) => findProgram(name, env, HELPER_FOLDERS)
  const [status, subuid, subgid, crun, runc, fuseOverlayfs, slirp, pasta, netavark] = await Promise.all([
    text('/proc/self/status'),
    text('/etc/subuid'),
    text('/etc/subgid'),
    ...['crun', 'runc', 'fuse-overlayfs', 'slirp4netns', 'pasta', 'netavark'].map(program),
  ])
  const space = await statfs(storageFolder)
  return {
    kernel: release(),
    maxUserNamespaces: await number('/proc/sys/user/max_user_namespaces'),
    usernsClone: await number('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestricts: await restrictsNamespaces(),
    seccomp: /^Seccomp:\s*2$/m.test(status ?? ''),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status ?? ''),
    inContainer: await isContainer(env),
    newuidmap: await idMapTool(await program('newuidmap')),
    newgidmap: await idMapTool(await program('newgidmap')),
    subuids: rangeSize(subuid ?? '', buildUser),
    subgids: rangeSize(subgid ?? '', buildUser),
    cgroups: await cgroupVersion(),
    crun,
    runc,
    fuseOverlayfs,
    fuse: await mayOpen('/dev/fuse', buildUser),
    tun: await mayOpen('/dev/net/tun', buildUser),
    slirp4netns: slirp !== undefined,
    pasta: pasta !== undefined,
    netavark,
    freeBytes: space.bavail * space.bsize,
  }
}

/** Reads the profiles of AppArmor, where they matter; what can't be read is as if it weren't there. */
export async function readAppArmor(env: Env, folder = '/etc/apparmor.d'): Promise<AppArmor> {
  const restricts = await restrictsNamespaces()
  const names = restricts ? await readdir(folder).catch(() => []) : []
  const texts = await Promise.all(names.map((name) => text(join(folder, name))))
  return {
    restricts,
    inContainer: await isContainer(env),
    profiles: texts.filter((found) => found !== undefined),
    hasProfiled: await exists(PROFILED),
  }
}

async function restrictsNamespaces(): Promise<boolean> {
  return (await number('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')) === 1
}

async function isContainer(env: Env): Promise<boolean> {
  return (
    (await exists('/.dockerenv')) ||
    (await exists('/run/.containerenv')) ||
    env['KUBERNETES_SERVICE_HOST'] !== undefined
  )
}

/** How many ids the text of /etc/subuid or /etc/subgid gives to a user, by name or number; pure. */
export function rangeSize(text: string, { name, uid }: Pick<User, 'name' | 'uid'>): number {
  return text.split('\n').reduce((sum, line) => {
    const [owner, , size] = line.split(':')
    return owner === name || owner === String(uid) ? sum + (Number(size) || 0) : sum
  }, 0)
}

async function cgroupVersion(): Promise<Host['cgroups']> {
  if (await exists('/sys/fs/cgroup/cgroup.controllers')) return 'v2'
  return (await exists('/sys/fs/cgroup/unified')) ? 'hybrid' : 'v1'
}

async function idMapTool(path: string | undefined): Promise<IdMapTool | undefined> {
  return path === undefined ? undefined : { path, setuid: ((await stat(path)).mode & 0o4000) !== 0 }
}

/** By the mode bits alone; a list of access rights (ACL) may still say otherwise. */
async function mayOpen(path: string, { uid, gid }: User): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return false
  const bits = uid === 0 || found.uid === uid ? 0o600 : found.gid === gid ? 0o060 : 0o006
  return uid === 0 || (found.mode & bits) === bits
}

async function number(path: string): Promise<number | undefined> {
  const found = await text(path)
  return found === undefined ? undefined : Number(found.trim())
}

async function text(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
