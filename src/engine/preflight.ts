import { join } from 'node:path'
import gte from 'semver/functions/gte.js'
import { UserError } from '../errors.js'
import { attempt } from '../exec.js'
import type { Machine } from './machine.js'
import { checkNamespaces } from './namespaces.js'
import { NETAVARK_SINCE, type Place, tryWay, type Way } from './probe.js'
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
    const trouble = needsTest(way, driver.mounted, wish, place) ? await tryWay(way, place) : undefined
    if (trouble === undefined) return { way, notes, warnings }
    notes.push(`isolation ${isolation}${runtime === undefined ? '' : ` with ${runtime}`} doesn't work here: ${trouble}`)
  }
  throw noWay(wish, place.machine, notes)
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
  if (result.exitCode === 0) return undefined
  // Behind its own line, newer versions of mount add a general hint.
  const lines = result.stderr.trim().split('\n')
  return (lines.find((line) => line.startsWith('mount:')) ?? lines.at(-1) ?? '').replace(/\.$/, '')
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

/** Why this OCI runtime can't run steps here, as a clause; undefined where it may. Pure. */
export function runtimeFlaw(
  runtime: string,
  { network }: Pick<WayWish, 'network'>,
  machine: Pick<Machine, 'cgroups' | 'networkHelper' | 'tun'>,
  uid: number,
): string | undefined {
  if (runtime.endsWith('/crun') && machine.cgroups === 'hybrid')
    return `${runtime} can't run in the hybrid layout of cgroups v1 and v2`
  if (uid === 0 || network !== 'default') return undefined
  if (!machine.networkHelper) return `${runtime} without slirp4netns or pasta has no network for RUN steps`
  if (!machine.tun) return `${runtime} has no network for RUN steps: /dev/net/tun can't be opened`
  return undefined
}

/** Where the mount worked, chroot needs nothing that the namespace hasn't shown; everything else is worth a test. */
function needsTest(way: Way, mounted: boolean, wish: WayWish, { machine, buildah }: Place): boolean {
  const lacksNetwork = machine.netavark === undefined && gte(buildah.version, NETAVARK_SINCE)
  return !mounted || lacksNetwork || (way.isolation !== 'chroot' && wish.runs)
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
  const cure = notes.some((note) => note.includes('netavark'))
    ? 'sudo apt-get install netavark'
    : machine.crun === undefined && machine.runc === undefined
      ? 'sudo apt-get install crun slirp4netns'
      : asked.length > 0
        ? `Leave out \`${asked.join('`, `')}\`, or cure what is named above; \`network: host\` needs no network helper.`
        : 'Cure what is named above.'
  return new UserError(
    `No way to run the steps of a Dockerfile works here${asked.length > 0 ? ` with ${asked.join(', ')}` : ''}:\n${notes.map((note) => `- ${note}`).join('\n')}`,
    cure,
  )
}
