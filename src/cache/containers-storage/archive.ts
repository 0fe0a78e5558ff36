import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { attempt, CommandError, execute, findProgram } from '../../exec.js'
import { giveToBuildUser, type ContainersStorage } from '../../build-storage.js'
import { orphanedPaths, writeRecords } from './layout.js'
import type { Contents } from './select.js'

/** The programs that pack and unpack. */
export interface Tools {
  readonly tar: string
  /** Command line of the compressor, as tar takes it. */
  readonly compressor: string
  /** The same in one thread, which gives the same archive. */
  readonly slowCompressor: string
  /** Of what makes 64 digits of an archive, in the place of a compressor. */
  readonly digester: string
}

/**
 * GNU tar, which keeps extended attributes, and zstd.
 * @returns what is missing, as a sentence, where one is
 */
export async function findTools(store: ContainersStorage): Promise<Tools | string> {
  const [tar, zstd, b2sum] = await Promise.all(['tar', 'zstd', 'b2sum'].map((name) => findProgram(name, store.env)))
  if (tar === undefined || zstd === undefined) return `the program ${tar === undefined ? 'tar' : 'zstd'} is missing`
  const { stdout } = await execute([tar, '--version'], { env: store.env })
  if (!stdout.includes('GNU tar')) return `${tar} isn't GNU tar, which extended attributes need`
  // BLAKE2 takes half of the time of SHA-256 in coreutils; BusyBox has only the latter.
  const [compressor, slowCompressor] = [`${zstd} -3 -T0`, `${zstd} -3 -T1`]
  return { tar, compressor, slowCompressor, digester: b2sum === undefined ? 'sha256sum' : `${b2sum} -l 256` }
}

/** Tar counts what it reads in these. */
const RECORD_BYTES = 10_240
/** What takes longer waits for something that doesn't come. */
const BASE_TIMEOUT_SECONDS = 30
const SLOWEST_BYTES_PER_SECOND = 5 * 2 ** 20
const MAX_SECONDS = 600
/** How timeout(1) ends then. */
const TIMED_OUT = 124

/** Without extended attributes, files that an upper layer removed would come back. */
const ATTRIBUTES = ['--xattrs', '--xattrs-include=*', '--xattrs-exclude=security.selinux', '--numeric-owner']
/** The same files give the same archive, so that it has the same name wherever it is made. */
const SAME = [
  ...['--format=posix', '--sort=name'],
  '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
]

/** What is packed. */
interface Packing {
  /** Absolute. */
  readonly folder: string
  /** Paths relative to it. */
  readonly members: readonly string[]
  /** Further arguments of tar. */
  readonly options?: readonly string[]
}

/** Packs files of a folder into `file`, which must lie in the folder of the account. */
export async function pack(
  { tar, compressor }: Tools,
  store: ContainersStorage,
  { folder, members, options = [] }: Packing,
  file: string,
): Promise<void> {
  const [, ...args] = archiveArgs(tar, compressor, folder, file)
  await run(store, [tar, ...options, ...args, ...members])
}

/** The command line that writes an archive of what is named after it; the same files give the same archive. */
export function archiveArgs(tar: string, compressor: string, folder: string, file: string): string[] {
  const what = ['--create', '--file', file, '--directory', folder, `--use-compress-program=${compressor}`]
  return [tar, ...what, ...SAME, ...ATTRIBUTES, '--']
}

/**
 * Takes the time from the topmost folders of layers and from the files next to them. It is the time when the layer was
 * unpacked, which is in no image, and would make another archive of the same layer.
 */
export async function normalizeMtimes(store: ContainersStorage, root: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await run(store, ['touch', '-c', '-h', '-d', '@0', '--', ...paths.map((path) => join(root, path))])
}

/** What is unpacked, and how much that may be. */
export interface Unpacking {
  /** Absolute. */
  readonly file: string
  readonly members: readonly string[]
  /** Bytes of the archive, not compressed. */
  readonly maxBytes: number
}

/**
 * Unpacks these members, and nothing else, into a folder.
 * @throws Error if the archive is larger than it may be; it isn't read further
 */
export async function unpack(
  { tar }: Tools,
  store: ContainersStorage,
  folder: string,
  { file, members, maxBytes }: Unpacking,
): Promise<void> {
  const what = ['--extract', '--file', file, '--directory', folder]
  // Where tar has read so much, it ends itself. It has a shell do it; nothing of that comes from outside.
  const limit = [
    `--checkpoint=${Math.ceil(maxBytes / RECORD_BYTES) + 1}`,
    '--checkpoint-action=echo',
    '--checkpoint-action=exec=kill $PPID',
  ]
  const argv = [tar, ...what, ...limit, ...ATTRIBUTES, '--same-permissions', '--same-owner', '--', ...members]
  await runFor(secondsFor(maxBytes), store, argv)
}

function secondsFor(bytes: number): number {
  return BASE_TIMEOUT_SECONDS + Math.min(MAX_SECONDS, Math.ceil(bytes / SLOWEST_BYTES_PER_SECOND))
}

/** What a root is to have. */
interface RecordsOfRoot {
  /** Absolute path of the storage root. */
  readonly root: string
  readonly contents: Contents
  readonly links?: 'links' | 'no links'
}

/**
 * Puts the records of layers and images into a root, next to the layers that were unpacked. It is the account that writes
 * them: nothing that it put into its own folder is followed with the rights of this process.
 * @param stagingDir private folder of this process
 */
export async function putRecords(
  { tar }: Tools,
  store: ContainersStorage,
  { root, contents, links = 'links' }: RecordsOfRoot,
  stagingDir: string,
): Promise<void> {
  const folder = join(stagingDir, 'records')
  // What came from the service may lie there, and be a link.
  await Promise.all([folder, `${folder}.tar`].map((path) => rm(path, { recursive: true, force: true })))
  await mkdir(folder)
  const files = await writeRecords(folder, store.layout, contents, links)
  await execute([tar, '--create', '--file', `${folder}.tar`, '--directory', folder, '--', ...files], { env: store.env })
  const archive = await giveToBuildUser(store, `${folder}.tar`, 'records.tar')
  // What lies there may be a link, or a layer's folder that was just unpacked: files only, each in the place of the old.
  const what = ['--extract', '--file', archive, '--directory', root, '--unlink-first', '--no-same-owner']
  await run(store, [tar, ...what])
  await Promise.all([rm(folder, { recursive: true }), rm(archive)])
}

/** Removes what lies in a root and belongs to none of these layers and images. */
export async function removeOrphaned(store: ContainersStorage, root: string, contents: Contents): Promise<void> {
  const paths = await orphanedPaths(root, store.layout, contents)
  if (paths.length > 0) await run(store, ['rm', '-rf', '--', ...paths.map((path) => join(root, path))])
}

/** Removes everything in a root. */
export async function emptyRoot(store: ContainersStorage, root: string): Promise<void> {
  const paths = (await readdir(root)).map((name) => join(root, name))
  if (paths.length > 0) await run(store, ['rm', '-rf', '--', ...paths])
}

/** Runs a program as the account does, in its folder. @throws Error that says how it has ended */
export async function run(
  store: Pick<ContainersStorage, 'enter' | 'env' | 'folder'>,
  argv: readonly string[],
): Promise<void> {
  await runFor(MAX_SECONDS, store, argv)
}

/** @throws Error that names the program and the time where it takes longer */
async function runFor(
  seconds: number,
  { enter, env, folder }: Pick<ContainersStorage, 'enter' | 'env' | 'folder'>,
  argv: readonly string[],
): Promise<void> {
  const { exitCode, stderr } = await attempt([...enter, 'timeout', String(seconds), ...argv], { env, cwd: folder })
  const name = basename(argv[0] ?? '')
  if (exitCode === TIMED_OUT) throw new Error(`${name} took longer than ${seconds} s`)
  if (exitCode !== 0 && /checkpoint \d+/.test(stderr))
    throw new Error('a part of the cache has more content than the index says')
  if (exitCode !== 0) throw new CommandError(argv, exitCode, stderr)
}
