import { lstat, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parsePasswd, type User } from '../../build-user.js'
import { firstClosedFolder } from '../../access.js'
import { type MountPoint, parseMountInfo } from '../../../lib/mount-info.js'
import { bindMounts, type Mount, type Shown } from './mounts.js'

/** The root of a sandbox. Paths are absolute in there. */
export interface Tree {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** Those of the folders that everybody may write to; they begin empty. */
  readonly writable: readonly string[]
  /** Symbolic links of the machine that are copied. */
  readonly links: readonly string[]
  /** In their order. */
  readonly mounts: readonly Mount[]
}

/** Where programs and libraries lie. On most machines all but the first are links into it. */
const PROGRAMS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store']
/** What Buildah, OCI runtimes and their helpers read of the machine's configuration. */
const CONFIGURATION = [
  ...['passwd', 'group', 'subuid', 'subgid', 'login.defs', 'nsswitch.conf', 'hosts', 'host.conf', 'hostname'],
  ...['resolv.conf', 'gai.conf', 'services', 'protocols', 'mime.types', 'localtime', 'os-release', 'alternatives'],
  ...['ssl', 'ca-certificates', 'pki', 'crypto-policies', 'containers', 'docker/certs.d', 'cni', 'crun'],
  ...['ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'ld-musl-x86_64.path', 'ld-musl-aarch64.path'],
].map((name) => join('/etc', name))
/** Where name servers are when /etc/resolv.conf has only the one on loopback. */
const NAME_SERVERS = ['/run/systemd/resolve/resolv.conf', '/run/systemd/resolve/stub-resolv.conf']
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'fuse', 'net/tun'].map(inDev)
const DEVICE_LINKS = ['fd', 'stdin', 'stdout', 'stderr'].map(inDev)
const WRITABLE = ['/tmp', '/var/tmp', '/run', '/dev/shm']
const TERMINALS: Mount = {
  ...{ source: 'devpts', target: '/dev/pts', type: 'devpts' },
  options: ['newinstance', 'ptmxmode=0666', 'mode=0620', 'nosuid', 'noexec'],
}

/**
 * Works out a root that shows the programs and the configuration of the machine, read-only, and these paths. What isn't
 * there or can't be reached by the account is left out.
 */
export async function describeTree(shown: readonly Shown[], buildUser: User): Promise<Tree> {
  const points = parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'))
  const links = await chosen([...PROGRAMS, ...DEVICE_LINKS], isLink)
  const system = [...PROGRAMS, ...CONFIGURATION, ...NAME_SERVERS].filter((path) => !links.includes(path))
  const wanted: Shown[] = [
    ...system.map((path) => ({ path, writable: false })),
    ...[...DEVICES, '/sys'].map((path) => ({ path, writable: true })),
    ...shown,
  ]
  const there = await chosen(wanted, ({ path, from = path }) => isReached(from, buildUser))
  // What lies in another one comes after it.
  const binds = (await Promise.all(there.map((one) => bindsOf(one, points)))).flat().sort(byTarget)
  const isFolder = await Promise.all(binds.map(async ({ source }) => (await stat(source)).isDirectory()))
  const targets = binds.map(({ target }) => target)
  const files = targets.filter((_, index) => isFolder[index] === false)
  const made = [...WRITABLE, '/dev/pts', '/proc', ...(await homesOf(buildUser)), ...files.map(dirname)]
  const folders = [...made, ...targets.filter((_, index) => isFolder[index])]
  return { folders: [...new Set(folders)], files, writable: WRITABLE, links, mounts: [TERMINALS, ...binds] }
}

/**
 * The environment and the list of users may name two homes. Buildah 1.43 goes by the latter, and wants a folder for
 * configuration to be there; 1.23, where it begins a RUN step by chroot, one for a storage.
 */
async function homesOf({ home, uid }: User): Promise<string[]> {
  const listed = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''), String(uid))
  return [home, ...(listed === undefined ? [] : [listed.home])].flatMap((path) =>
    ['.config', '.local/share/containers/storage'].map((name) => join(path, name)),
  )
}

async function bindsOf(shown: Shown, points: readonly MountPoint[]): Promise<Mount[]> {
  return bindMounts(shown, await realpath(shown.from ?? shown.path), points)
}

/** Whether it is there, and the way to it is open. */
async function isReached(path: string, buildUser: User): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined)
  return real !== undefined && (await firstClosedFolder(dirname(real), buildUser)) === undefined
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}

async function chosen<T>(all: readonly T[], isChosen: (one: T) => Promise<boolean>): Promise<T[]> {
  const are = await Promise.all(all.map(isChosen))
  return all.filter((_, index) => are[index])
}

function byTarget({ target: one }: Mount, { target: other }: Mount): number {
  return one.length - other.length
}

function inDev(name: string): string {
  return join('/dev', name)
}
