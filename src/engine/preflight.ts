import { join } from 'node:path'
import { UserError } from '../errors.js'
import { attempt, type RunResult } from '../exec.js'
import type { Machine } from './machine.js'
import { type Place, tryWay, type Way } from './probe.js'
import type { Driver } from './storage.js'

export interface WayWish {
  readonly storageDriver: 'auto' | Driver
  readonly isolation: 'auto' | 'oci' | 'rootless' | 'chroot'
  readonly network: 'default' | 'none' | 'host'
  readonly shmSize: string | undefined
  /** The Dockerfile has RUN steps, or it isn't known whether it has. */
  readonly runs: boolean
}

export interface Preflight {
  readonly way: Way
  /** What was passed over and why, for the log. */
  readonly notes: readonly string[]
  /** What the user should know: it works, but worse than it could. */
  readonly warnings: readonly string[]
}

const NEEDED_IDS = 65536
const LOW_DISK = 2 ** 30

/**
 * Finds out whether a rootless build works here and which way is best: by what the machine says of itself, one user
 * namespace and one mount, and only where these can't tell by a tiny build.
 * @throws UserError that names what stops the build, and the cure.
 */
export async function preflight(wish: WayWish, place: Place): Promise<Preflight> {
  const warnings = [...(await checkNamespaces(place)), ...lowDisk(place)]
  const notes: string[] = []
  const driver = await chooseDriver(wish, place)
  warnings.push(...driver.warnings)
  const base = {
    driver: driver.driver,
    fuseOverlayfs: driver.driver === 'fuse-overlayfs' ? place.machine.fuseOverlayfs : undefined,
  }
  for (const { isolation, runtime } of isolations(wish, place, notes)) {
    const way: Way = { ...base, isolation, runtime, network: isolation === 'chroot' ? 'default' : wish.network }
    const trouble = needsTest(way, driver.mounted, wish) ? await tryWay(way, place) : undefined
    if (trouble === undefined) return { way, notes, warnings }
    notes.push(`isolation ${isolation}${runtime === undefined ? '' : ` with ${runtime}`} doesn't work here: ${trouble}`)
  }
  throw noWay(wish, place.machine, notes)
}

/**
 * What stops user namespaces here, from how `buildah unshare cat /proc/self/uid_map` ended; pure.
 * @returns the cause and its cure; undefined when the mapping is usable
 */
export function explainNamespaces(
  result: RunResult,
  machine: Machine,
  user: string,
): { cause: string; cure: string } | undefined {
  const ids = result.stdout.split('\n').reduce((sum, line) => sum + (Number(line.trim().split(/\s+/)[2]) || 0), 0)
  if (result.exitCode === 0 && ids > 1) return undefined
  return (
    closedKernel(machine) ??
    missingTool(machine) ??
    missingRange(machine, user) ??
    powerlessTool(machine) ??
    unknownCause(result, machine)
  )
}

function closedKernel(machine: Machine): { cause: string; cure: string } | undefined {
  if (machine.maxUserNamespaces === 0) {
    return {
      cause: 'the kernel allows no user namespaces (user.max_user_namespaces is 0)',
      cure: 'sudo sysctl -w user.max_user_namespaces=65536',
    }
  }
  if (machine.usernsClone === 0) {
    return {
      cause: 'the kernel allows user namespaces to root only (kernel.unprivileged_userns_clone is 0)',
      cure: 'sudo sysctl -w kernel.unprivileged_userns_clone=1',
    }
  }
  return undefined
}

function missingTool(machine: Machine): { cause: string; cure: string } | undefined {
  const missing =
    machine.newuidmap === undefined ? 'newuidmap' : machine.newgidmap === undefined ? 'newgidmap' : undefined
  if (missing === undefined) return undefined
  return {
    cause: `the program ${missing} is missing`,
    cure: 'sudo apt-get install uidmap   # Fedora: shadow-utils, Alpine: shadow-uidmap, openSUSE: shadow',
  }
}

function missingRange(machine: Machine, user: string): { cause: string; cure: string } | undefined {
  const file = machine.subuids === 0 ? '/etc/subuid' : machine.subgids === 0 ? '/etc/subgid' : undefined
  if (file === undefined) return undefined
  return {
    cause: `${file} gives the user ${user} no subordinate ids`,
    cure: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}   # any free range of 65536`,
  }
}

function powerlessTool(machine: Machine): { cause: string; cure: string } | undefined {
  if (machine.noNewPrivileges) {
    return {
      cause: 'the process may not gain privileges (no_new_privs), so newuidmap has no effect',
      cure: 'Allow it for this container: `allowPrivilegeEscalation: true` in Kubernetes, no `--security-opt no-new-privileges` in Docker.',
    }
  }
  const tool = [machine.newuidmap, machine.newgidmap].find((found) => found?.setuid === false)
  if (tool === undefined || machine.inContainer) return undefined
  return {
    cause: `${tool.path} is neither setuid nor has the capability, so it can't map ids`,
    cure: `sudo chmod u+s ${tool.path}`,
  }
}

function unknownCause(result: RunResult, machine: Machine): { cause: string; cure: string } {
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-3).join('; ')
  if (machine.apparmorRestricts) {
    return {
      cause: `AppArmor restricts user namespaces to programs with a profile (${said})`,
      cure: 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    }
  }
  if (machine.seccomp && machine.inContainer) {
    return {
      cause: `the container's seccomp filter forbids user namespaces (${said})`,
      cure: 'container:\n  options: --security-opt seccomp=unconfined --security-opt apparmor=unconfined',
    }
  }
  if (machine.inContainer) {
    return {
      cause: `newuidmap can't map ids in this container (${said})`,
      cure: 'In the container image: chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap && setcap cap_setuid+ep /usr/bin/newuidmap && setcap cap_setgid+ep /usr/bin/newgidmap',
    }
  }
  return {
    cause: `no user namespace could be made (${said})`,
    cure: 'Run `buildah unshare cat /proc/self/uid_map` as the user of the step: it should print a range of 65536 ids.',
  }
}

async function checkNamespaces({ buildah, folder, machine }: Place): Promise<string[]> {
  const { account } = folder
  // As real root, no namespace is needed, and Buildah makes none.
  if (account.uid === 0) return []
  const result = await attempt([...account.prefix, buildah.path, 'unshare', 'cat', '/proc/self/uid_map'], {
    env: folder.env,
    cwd: folder.path,
  })
  const trouble = explainNamespaces(result, machine, account.name)
  if (trouble !== undefined) throw new UserError(`A rootless build can't work here: ${trouble.cause}.`, trouble.cure)
  const ids = Math.min(machine.subuids, machine.subgids)
  if (ids === 0 || ids >= NEEDED_IDS) return []
  return [
    `The user ${account.name} has only ${ids} subordinate ids; a file of a higher owner can't be unpacked. Give it 65536: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${account.name}`,
  ]
}

function lowDisk({ machine, folder }: Place): string[] {
  if (machine.freeBytes >= LOW_DISK) return []
  return [`Only ${Math.round(machine.freeBytes / 2 ** 20)} MiB are free in ${folder.path}, where the image is built.`]
}

async function chooseDriver(
  wish: WayWish,
  place: Place,
): Promise<{ driver: Driver; mounted: boolean; warnings: string[] }> {
  const { machine, folder } = place
  const wanted = wish.storageDriver
  if (wanted === 'vfs') return { driver: 'vfs', mounted: true, warnings: [] }
  if (wanted === 'auto' || wanted === 'overlay') {
    const trouble = await mountOverlay(place)
    if (trouble === undefined) return { driver: 'overlay', mounted: true, warnings: [] }
    if (wanted === 'overlay') {
      throw new UserError(
        `Input "storage-driver": overlay can't be mounted in ${folder.path}: ${trouble}.`,
        'Write `storage-driver: auto`, or set RUNNER_TEMP to a folder on a real disk (ext4, xfs) instead of a container’s own layer.',
      )
    }
  }
  if (machine.fuseOverlayfs !== undefined && machine.fuse)
    return { driver: 'fuse-overlayfs', mounted: false, warnings: [] }
  if (wanted === 'fuse-overlayfs') {
    const missing =
      machine.fuseOverlayfs === undefined
        ? 'the program fuse-overlayfs is missing'
        : `the user ${folder.account.name} can't open /dev/fuse`
    throw new UserError(
      `Input "storage-driver": fuse-overlayfs can't work here: ${missing}.`,
      'Write `storage-driver: auto`, or: sudo apt-get install fuse-overlayfs; in a container also `options: --device /dev/fuse`.',
    )
  }
  return {
    driver: 'vfs',
    mounted: false,
    warnings: [
      'Neither overlay nor fuse-overlayfs can be mounted here, so layers are kept as full copies (vfs): about 1.7 times the processor time and four times the disk. ' +
        'Cure: a RUNNER_TEMP on a real disk (ext4, xfs), or fuse-overlayfs and /dev/fuse (`options: --device /dev/fuse`).',
    ],
  }
}

/** Mounts an overlay in the private folder as the build would. Returns why it failed, undefined when it worked. */
async function mountOverlay({ buildah, folder }: Place): Promise<string | undefined> {
  const { account } = folder
  const place = (name: string) => join(folder.path, 'probe', name)
  const asOwner = account.uid === 0 ? ['unshare', '--mount'] : [...account.prefix, buildah.path, 'unshare']
  const layers = `lowerdir=${place('lower')},upperdir=${place('upper')},workdir=${place('work')}`
  // Within a user namespace the kernel keeps overlay's own attributes only under this option (5.11 and later).
  const options = account.uid === 0 ? layers : `${layers},userxattr`
  const result = await attempt([...asOwner, 'mount', '-t', 'overlay', '-o', options, 'overlay', place('merged')], {
    env: folder.env,
    cwd: folder.path,
  })
  return result.exitCode === 0 ? undefined : result.stderr.trim().split('\n').at(-1)
}

/** The isolations worth a try, best first; what is left out goes to `notes`. */
function isolations(wish: WayWish, { machine, folder }: Place, notes: string[]): Pick<Way, 'isolation' | 'runtime'>[] {
  const chroot = { isolation: 'chroot' as const, runtime: undefined }
  if (wish.isolation === 'chroot') {
    if (wish.network === 'none' || wish.shmSize !== undefined) throw notInChroot(wish)
    return [chroot]
  }
  const needsRuntime = wish.network === 'none' || wish.shmSize !== undefined
  // Without a RUN step nothing is isolated: no need to look for the best.
  if (wish.isolation === 'auto' && !wish.runs && !needsRuntime) return [chroot]
  const isolation = wish.isolation === 'auto' ? (folder.account.uid === 0 ? 'oci' : 'rootless') : wish.isolation
  const runtimes = [machine.crun, machine.runc].filter((runtime) => runtime !== undefined)
  if (runtimes.length === 0) notes.push('no OCI runtime (crun, runc) is installed')
  const fitting = runtimes.filter((runtime) => {
    const flaw = runtimeFlaw(runtime, wish, machine, folder.account.uid)
    if (flaw !== undefined) notes.push(flaw)
    return flaw === undefined
  })
  const withRuntime = fitting.map((runtime) => ({ isolation, runtime }))
  return wish.isolation === 'auto' && !needsRuntime ? [...withRuntime, chroot] : withRuntime
}

function runtimeFlaw(runtime: string, wish: WayWish, machine: Machine, uid: number): string | undefined {
  if (runtime.endsWith('/crun') && machine.cgroups === 'hybrid')
    return `${runtime} can't run in the hybrid layout of cgroups v1 and v2`
  if (uid === 0 || wish.network !== 'default') return undefined
  if (!machine.networkHelper) return `${runtime} without slirp4netns or pasta has no network for RUN steps`
  if (!machine.tun) return `${runtime} has no network for RUN steps: /dev/net/tun can't be opened`
  return undefined
}

/** Where the mount worked, chroot needs nothing that the namespace hasn't shown; everything else is worth a test. */
function needsTest(way: Way, mounted: boolean, wish: WayWish): boolean {
  return !mounted || (way.isolation !== 'chroot' && wish.runs)
}

function notInChroot(wish: WayWish): UserError {
  const input = wish.network === 'none' ? '"network: none"' : '"shm-size"'
  return new UserError(
    `Input ${input} can't be honoured with "isolation: chroot": such steps share the host's network and /dev/shm.`,
    'Write `isolation: auto` or `isolation: rootless`, or leave that input out.',
  )
}

function noWay(wish: WayWish, machine: Machine, notes: readonly string[]): UserError {
  const asked = [
    ...(wish.isolation === 'auto' ? [] : [`isolation: ${wish.isolation}`]),
    ...(wish.network === 'none' ? ['network: none'] : []),
    ...(wish.shmSize === undefined ? [] : [`shm-size: ${wish.shmSize}`]),
  ]
  const cure =
    machine.crun === undefined && machine.runc === undefined
      ? 'sudo apt-get install crun slirp4netns'
      : asked.length > 0
        ? `Leave out \`${asked.join('`, `')}\`, or cure what is named above; \`network: host\` needs no network helper.`
        : 'Cure what is named above.'
  return new UserError(
    `No way to run the steps of a Dockerfile works here${asked.length > 0 ? ` with ${asked.join(', ')}` : ''}:\n${notes.map((note) => `- ${note}`).join('\n')}`,
    cure,
  )
}
