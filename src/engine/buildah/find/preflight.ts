import { join } from 'node:path'
import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'
import { UserError } from '../../../errors.js'
import { attempt } from '../../../exec.js'
import { holdNamespace, type Namespace } from '../../../lib/held-namespace.js'
import type { Host } from './host.js'
import { checkNamespaces } from './user-namespaces.js'
import { NETAVARK_SINCE, type Place, tryMode, type ExecutionMode } from './probe.js'
import type { Driver } from '../../work-dir.js'

export interface ModeOptions {
  readonly storageDriver: 'auto' | Driver
  readonly isolation: 'auto' | 'oci' | 'rootless' | 'chroot'
  readonly network: 'default' | 'none' | 'host'
  readonly shmSize: string | undefined
  /** The Dockerfile has, or may have, RUN steps. */
  readonly runs: boolean
}

export interface Preflight {
  readonly mode: ExecutionMode
  /** Modes that were skipped, and why, for the log. */
  readonly notes: readonly string[]
  /** Warnings: it works, but not as well as it could. */
  readonly warnings: readonly string[]
  /** Command line before a program in a user namespace that is held open as long as this process runs. */
  readonly namespace?: readonly string[]
}

/** The first release that is known to support only pasta for a network of its own. */
const PASTA_ONLY_SINCE = '1.45.0'
const LOW_DISK = 2 ** 30

/**
 * Finds out whether a rootless build works here and which way is best: by what the machine says of itself, one user
 * namespace and one mount, and only where these can't tell by a tiny build.
 * @throws UserError that names what stops the build, and the hint.
 */
export async function preflight(options: ModeOptions, place: Place): Promise<Preflight> {
  const { buildUser, env, path } = place.folder
  const maker = { prefix: buildUser.prefix, unshare: [place.buildah.launcher, 'unshare'] }
  const held = buildUser.uid === 0 ? undefined : await holdNamespace(maker, { env, cwd: path })
  const warnings = [...(await checkNamespaces(place, held)), ...lowDisk(place)]
  const notes: string[] = []
  const driver = await chooseDriver(options, place, held)
  warnings.push(...driver.warnings)
  const base = {
    driver: driver.driver,
    fuseOverlayfs: driver.driver === 'fuse-overlayfs' ? place.host.fuseOverlayfs : undefined,
  }
  for (const { isolation, runtime } of isolations(options, place, notes)) {
    const mode: ExecutionMode = {
      ...base,
      isolation,
      runtime,
      network: isolation === 'chroot' ? 'default' : options.network,
    }
    const failure = needsTest(mode, driver.mounted, options, place) ? await tryMode(mode, place) : undefined
    if (failure === undefined) return { mode, notes, warnings, ...(held !== undefined && { namespace: held.enter }) }
    notes.push(`isolation ${isolation}${runtime === undefined ? '' : ` with ${runtime}`} doesn't work here: ${failure}`)
  }
  throw noUsableMode(options, place, notes)
}

/** An execution mode, for the log; pure. */
export function describeMode({ driver, isolation, runtime, network }: ExecutionMode): string {
  const kept = runtime === undefined ? isolation : `${isolation} with ${runtime}`
  return `storage driver ${driver}, isolation ${kept}${network === 'default' ? '' : `, network ${network}`}`
}

function lowDisk({ host, folder }: Place): string[] {
  if (host.freeBytes >= LOW_DISK) return []
  return [`Only ${Math.round(host.freeBytes / 2 ** 20)} MiB are free in ${folder.path}, where the image is built.`]
}

async function chooseDriver(
  options: ModeOptions,
  place: Place,
  held: Namespace | undefined,
): Promise<{ driver: Driver; mounted: boolean; warnings: string[] }> {
  const { host, folder } = place
  const wanted = options.storageDriver
  if (wanted === 'vfs') return { driver: 'vfs', mounted: true, warnings: [] }
  if (wanted === 'auto' || wanted === 'overlay') {
    const failure = await mountOverlay(place, held)
    if (failure === undefined) return { driver: 'overlay', mounted: true, warnings: [] }
    if (wanted === 'overlay') {
      throw new UserError(
        `Input "storage-driver": overlay can't be mounted in ${folder.path}: ${failure}.`,
        "Write `storage-driver: auto`, or set RUNNER_TEMP to a folder on a real disk (ext4, xfs) instead of a container's own layer.",
      )
    }
  }
  if (host.fuseOverlayfs !== undefined && host.fuse) return { driver: 'fuse-overlayfs', mounted: false, warnings: [] }
  if (wanted === 'fuse-overlayfs') {
    const missing =
      host.fuseOverlayfs === undefined
        ? 'the program fuse-overlayfs is missing'
        : `the user ${folder.buildUser.name} can't open /dev/fuse`
    throw new UserError(
      `Input "storage-driver": fuse-overlayfs can't work here: ${missing}.`,
      'Write `storage-driver: auto`, or: sudo apt-get install fuse-overlayfs; in a container also `options: --device /dev/fuse`.',
    )
  }
  return {
    driver: 'vfs',
    mounted: false,
    warnings: [
      'Neither overlay nor fuse-overlayfs can be mounted here, so layers are stored as full copies (vfs): about 1.7 times the processor time and four times the disk. ' +
        'Fix: a RUNNER_TEMP on a real disk (ext4, xfs), or fuse-overlayfs and /dev/fuse (`options: --device /dev/fuse`).',
    ],
  }
}

/** Mounts an overlay in the private folder as the build would. Returns why it failed, undefined when it worked. */
async function mountOverlay(
  { buildah, folder }: Place,
  held: Pick<Namespace, 'enterMounts'> | undefined,
): Promise<string | undefined> {
  const { buildUser } = folder
  const place = (name: string) => join(folder.path, 'probe', name)
  const ownMounts = buildUser.uid === 0 ? ['unshare', '--mount'] : [...buildUser.prefix, buildah.launcher, 'unshare']
  const enter = held?.enterMounts ?? ownMounts
  const layers = `lowerdir=${place('lower')},upperdir=${place('upper')},workdir=${place('work')}`
  // Within a user namespace the kernel keeps overlay's own attributes only under this option (5.11 and later).
  const options = buildUser.uid === 0 ? layers : `${layers},userxattr`
  const where = { env: folder.env, cwd: folder.path }
  const mount = ['mount', '-t', 'overlay', '-o', options, 'overlay', place('merged')]
  const result = await attempt([...enter, ...mount], where)
  if (result.exitCode === 0) {
    if (held !== undefined) await attempt([...enter, 'umount', place('merged')], where)
    return undefined
  }
  // Behind its own line, newer versions of mount add a general hint.
  const lines = result.stderr.trim().split('\n')
  return (lines.find((line) => line.startsWith('mount:')) ?? lines.at(-1) ?? '').replace(/\.$/, '')
}

/** The isolations to try, best first. Adds those that are skipped to `notes`. */
function isolations(
  options: ModeOptions,
  { host, folder, buildah }: Place,
  notes: string[],
): Pick<ExecutionMode, 'isolation' | 'runtime'>[] {
  const chroot = { isolation: 'chroot' as const, runtime: undefined }
  if (options.isolation === 'chroot') {
    if (options.network === 'none' || options.shmSize !== undefined) throw notInChroot(options)
    return [chroot]
  }
  const needsRuntime = options.network === 'none' || options.shmSize !== undefined
  // Without a RUN step there is nothing to isolate, so any mode will do.
  if (options.isolation === 'auto' && !options.runs && !needsRuntime) return [chroot]
  const isolation = options.isolation === 'auto' ? (folder.buildUser.uid === 0 ? 'oci' : 'rootless') : options.isolation
  const runtimes = [host.crun, host.runc].filter((runtime) => runtime !== undefined)
  if (runtimes.length === 0) notes.push('no OCI runtime (crun, runc) is installed')
  const fitting = runtimes.filter((runtime) => {
    const flaw = runtimeFlaw(runtime, options, host, { uid: folder.buildUser.uid, version: buildah.version })
    if (flaw !== undefined) notes.push(flaw)
    return flaw === undefined
  })
  const withRuntime = fitting.map((runtime) => ({ isolation, runtime }))
  return options.isolation === 'auto' && !needsRuntime ? [...withRuntime, chroot] : withRuntime
}

/** Why this OCI runtime can't run steps here, as a clause; undefined where it may. Pure. */
export function runtimeFlaw(
  runtime: string,
  { network }: Pick<ModeOptions, 'network'>,
  host: Pick<Host, 'cgroups' | 'slirp4netns' | 'pasta' | 'tun'>,
  { uid, version }: { readonly uid: number; readonly version: string },
): string | undefined {
  if (runtime.endsWith('/crun') && host.cgroups === 'hybrid')
    return `${runtime} doesn't support hybrid cgroups v1 and v2`
  if (uid === 0 || network !== 'default') return undefined
  const knowsSlirp = lt(version, PASTA_ONLY_SINCE)
  if (!host.pasta && !(host.slirp4netns && knowsSlirp))
    return `${runtime} without ${knowsSlirp ? 'slirp4netns or pasta' : 'pasta'} has no network for RUN steps`
  if (!host.tun) return `${runtime} has no network for RUN steps: /dev/net/tun can't be opened`
  return undefined
}

/** Where the mount worked, chroot needs nothing that the namespace hasn't shown; everything else is worth a test. */
function needsTest(mode: ExecutionMode, mounted: boolean, options: ModeOptions, { host, buildah }: Place): boolean {
  const lacksNetwork = host.netavark === undefined && gte(buildah.version, NETAVARK_SINCE)
  return !mounted || lacksNetwork || (mode.isolation !== 'chroot' && options.runs)
}

function notInChroot(options: ModeOptions): UserError {
  const input = options.network === 'none' ? '"network: none"' : '"shm-size"'
  return new UserError(
    `Input ${input} can't be honoured with "isolation: chroot": such steps share the host's network and /dev/shm.`,
    'Write `isolation: auto` or `isolation: rootless`, or leave that input out.',
  )
}

function noUsableMode(options: ModeOptions, { host, buildah }: Place, notes: readonly string[]): UserError {
  const asked = [
    ...(options.isolation === 'auto' ? [] : [`isolation: ${options.isolation}`]),
    ...(options.network === 'none' ? ['network: none'] : []),
    ...(options.shmSize === undefined ? [] : [`shm-size: ${options.shmSize}`]),
  ]
  const hint = notes.some((note) => note.includes('netavark'))
    ? 'sudo apt-get install netavark'
    : host.crun === undefined && host.runc === undefined
      ? `sudo apt-get install crun ${lt(buildah.version, PASTA_ONLY_SINCE) ? 'slirp4netns' : 'passt'}`
      : asked.length > 0
        ? `Leave out \`${asked.join('`, `')}\`, or fix what is listed above; \`network: host\` needs no network helper.`
        : 'Fix what is listed above.'
  return new UserError(
    `No usable isolation for RUN steps here${asked.length > 0 ? ` with ${asked.join(', ')}` : ''}:\n${notes.map((note) => `- ${note}`).join('\n')}`,
    hint,
  )
}
