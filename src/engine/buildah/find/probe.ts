import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import lt from 'semver/functions/lt.js'
import type { Context } from '../../../runner/context.js'
import { attempt } from '../../../exec.js'
import { readBootId } from '../../../lib/boot-id.js'
import { type Buildah, commandOf } from './install.js'
import type { Host } from './host.js'
import { type Driver, type WorkDir, storageArgs, writePrivate } from '../../work-dir.js'

/** How Buildah builds: storage driver, isolation, OCI runtime and network of RUN steps. */
export interface ExecutionMode {
  readonly driver: Driver
  readonly fuseOverlayfs: string | undefined
  readonly isolation: 'oci' | 'rootless' | 'chroot'
  /** Path of the OCI runtime; undefined for chroot. */
  readonly runtime: string | undefined
  readonly network: 'default' | 'none' | 'host'
}

/** The first release that supports only netavark. It fails without it, even if a step uses the host's network. */
export const NETAVARK_SINCE = '1.35.0'

/** Everything that the result of a probe depends on beside the mode. */
export interface Place {
  readonly buildah: Buildah
  readonly folder: WorkDir
  readonly host: Host
  readonly context: Context
}

/** Programs of some 130 bytes that do nothing but exit(0): ELF, statically linked, without a C library. */
const TINY_PROGRAMS: Readonly<Record<string, string>> = {
  x64: 'f0VMRgIBAQAAAAAAAAAAAAIAPgABAAAAeABAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAEAAOAABAAAAAAAAAAEAAAAFAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAfwAAAAAAAAB/AAAAAAAAAAAQAAAAAAAAMf9qPFgPBQ==',
  arm64:
    'f0VMRgIBAQAAAAAAAAAAAAIAtwABAAAAeABAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAEAAOAABAAAAAAAAAAEAAAAFAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAhAAAAAAAAACEAAAAAAAAAAAQAAAAAAAAAACA0qgLgNIBAADU',
}

const DOCKERFILE = 'FROM scratch\nCOPY program /program\nRUN ["/program"]\n'

/** From this release on, rootless RUN steps have a network of their own unless told otherwise. */
const OWN_NETWORK_SINCE = '1.28.0'

/** Arguments of `buildah build` for an execution mode and a version; pure. */
export function modeArgs({ isolation, runtime, network }: ExecutionMode, version: string): string[] {
  const isHosts = network === 'default' && isolation === 'rootless' && lt(version, OWN_NETWORK_SINCE)
  const named = isHosts ? 'private' : network
  return [
    ...['--isolation', isolation],
    ...(runtime === undefined ? [] : ['--runtime', runtime]),
    ...(named === 'default' ? [] : ['--network', named]),
  ]
}

/** Before netavark, Buildah keeps a lock in the home of the user, below .config/cni, unless it is given another folder; pure. */
export function networkArgs(folder: string, version: string): string[] {
  return lt(version, NETAVARK_SINCE) ? ['--cni-config-dir', join(folder, 'data')] : []
}

/**
 * Builds a tiny image in a mode to find out whether it works here. The result is remembered until the machine reboots, and
 * for the same kernel settings, programs, Buildah, account and mode.
 * @returns undefined when it works, else the last lines of Buildah
 */
export async function tryMode(mode: ExecutionMode, place: Place): Promise<string | undefined> {
  const { context } = place
  const memory = join(
    context.toolCache ?? context.userCache,
    'rootless-image-build',
    `${await keyOf(mode, place)}.json`,
  )
  const remembered = await recall(memory)
  if (remembered !== undefined) return remembered.failure
  const failure = await buildTiny(mode, place)
  await remember(memory, failure)
  return failure
}

async function buildTiny(mode: ExecutionMode, { buildah, folder }: Place): Promise<string | undefined> {
  const program = TINY_PROGRAMS[arch()]
  // There is no program for other processors: the build itself will show.
  if (program === undefined) return undefined
  await chmod(await writePrivate(folder, 'trial/program', Buffer.from(program, 'base64')), 0o700)
  const argv = [
    ...[...folder.buildUser.prefix, ...commandOf(buildah)],
    // A storage of its own: the tiny image has no business in the one that is built in.
    ...storageArgs(join(folder.path, 'probe'), join(folder.path, 'probe/root'), mode.driver, mode.fuseOverlayfs),
    ...['build', '--quiet', '--format', 'oci'],
    ...modeArgs(mode, buildah.version),
    ...networkArgs(folder.path, buildah.version),
    ...['--file', await writePrivate(folder, 'trial/Dockerfile', DOCKERFILE)],
    join(folder.path, 'trial'),
  ]
  const { exitCode, stderr } = await attempt(argv, { env: folder.env, cwd: folder.path })
  return exitCode === 0 ? undefined : reasonIn(stderr)
}

/** The lines around the one by which Buildah ends, after which a helper's own help may follow; else the last ones. Pure. */
export function reasonIn(stderr: string): string {
  const lines = stderr.trim().split('\n')
  const end = lines.findIndex((line) => line.startsWith('Error: '))
  return (end === -1 ? lines.slice(-4) : lines.slice(Math.max(0, end - 2), end + 2)).join('\n')
}

async function keyOf(mode: ExecutionMode, { buildah, folder, host }: Place): Promise<string> {
  const boot = await readBootId()
  const question = { boot, mode, buildah, uid: folder.buildUser.uid, on: dirname(folder.path), ...host, freeBytes: 0 }
  return createHash('sha256').update(JSON.stringify(question)).digest('hex').slice(0, 16)
}

async function recall(path: string): Promise<{ failure: string | undefined } | undefined> {
  try {
    const { failure } = JSON.parse(await readFile(path, 'utf8')) as { failure?: unknown }
    return { failure: typeof failure === 'string' ? failure : undefined }
  } catch {
    // Not there, not readable or half written: all the same, the test is made again.
    return undefined
  }
}

async function remember(path: string, failure: string | undefined): Promise<void> {
  // Without the note, the next step probes again; nothing else is lost.
  await mkdir(dirname(path), { recursive: true })
    .then(() => writeFile(path, JSON.stringify({ failure })))
    .catch(() => rm(path, { force: true }))
}
