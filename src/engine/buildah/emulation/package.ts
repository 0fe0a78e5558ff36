import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../../runner/context.js'
import { attempt, findProgram } from '../../../exec.js'
import { info } from '../../../log.js'
import { type Emulator, emulatorName } from './binfmt.js'
import { keepQemu } from './kept-qemus.js'
import type { Emulated } from './programs.js'
import { asEmulator } from './static-program.js'

/**
 * Packages of Debian and Ubuntu with static emulators, and what their programs' names end with. From Debian 13 on the first
 * has only links into the second; before, the programs of the second are not static.
 */
const PACKAGES = [
  { name: 'qemu-user-static', ending: '-static' },
  { name: 'qemu-user', ending: '' },
] as const

/** Takes the files `$3`… out of the package `$1` into the folder `$2`; those that aren't in it are left out. */
const EXTRACT = 'package=$1 folder=$2; shift 2; dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" "$@"'

/** What emulators are fetched for, and where. */
interface Fetching {
  readonly architectures: readonly Emulated[]
  /** Folder for them where there is no tool cache. */
  readonly otherwise: string
  /** Empty folder for everything that is gone in the end. */
  readonly temporary: string
  readonly context: Context
}

/**
 * Takes emulators out of a package of the distribution, without root and without installing it, and keeps them in the tool
 * cache. apt checks the signature.
 * @param otherwise folder for them where there is no tool cache
 * @returns why there are none, as the end of a sentence
 */
export async function fetchQemus(
  architectures: readonly Emulated[],
  otherwise: string,
  context: Context,
): Promise<readonly Emulator[] | { readonly missing: string }> {
  const programs = ['apt-get', 'dpkg-deb', 'tar', 'sh']
  const found = await Promise.all(programs.map((name) => findProgram(name, context.env)))
  if (found.some((path) => path === undefined))
    return { missing: 'no static qemu is on PATH, and there is no apt-get to fetch one with' }
  const temporary = await mkdtemp(join(context.temp, 'rootless-image-build-qemu-'))
  try {
    const fetched = await fetchAny({ architectures, otherwise, temporary, context })
    if (!('failure' in fetched)) return fetched
    return {
      missing: `no static qemu is on PATH, and the package ${PACKAGES[0].name} can't be used: ${fetched.failure}`,
    }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** By the lists of packages that the machine has, else by new ones in a private folder. */
async function fetchAny(fetching: Fetching): Promise<readonly Emulator[] | { readonly failure: string }> {
  const { temporary, context } = fetching
  const [lists, cache] = [join(temporary, 'lists'), join(temporary, 'cache')]
  for (const folder of [lists, join(cache, 'archives')]) await mkdir(join(folder, 'partial'), { recursive: true })
  const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`, '-o', 'APT::Update::Error-Mode=any']
  const there = await fetchWith([], fetching)
  if (!('failure' in there)) return there
  const update = await apt([...own, 'update'], temporary, context)
  return update === undefined ? await fetchWith(own, fetching) : { failure: update }
}

/** The first package that has all of them. */
async function fetchWith(
  options: readonly string[],
  fetching: Fetching,
): Promise<readonly Emulator[] | { readonly failure: string }> {
  const { architectures, temporary, context } = fetching
  let failure: string | undefined
  for (const { name, ending } of PACKAGES) {
    const into = await mkdtemp(join(temporary, 'package-'))
    const refused = await apt([...options, 'download', name], into, context)
    failure ??= refused
    const archive = (await readdir(into)).find((file) => file.endsWith('.deb'))
    if (refused !== undefined || archive === undefined) continue
    const emulators = await extract({ archive: join(into, archive), ending, into }, fetching)
    if (emulators.length < architectures.length) continue
    info(
      `Emulation: took ${architectures.map(emulatorName).join(', ')} out of the package ${name}; it is not installed`,
    )
    return emulators
  }
  return { failure: failure ?? 'it has no static one for this processor' }
}

/** @returns the last line of what it says when it fails, without a full stop */
async function apt(args: readonly string[], cwd: string, { env }: Context): Promise<string | undefined> {
  // Its own account could not write to the folder.
  const { exitCode, stderr } = await attempt(['apt-get', '-qq', '-o', 'APT::Sandbox::User=', ...args], { env, cwd })
  return exitCode === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? '').replace(/\.$/, '')
}

/** The emulators that a package has. */
async function extract(
  { archive, ending, into }: { readonly archive: string; readonly ending: string; readonly into: string },
  { architectures, otherwise, context }: Fetching,
): Promise<Emulator[]> {
  const names = architectures.map((one) => `./usr/bin/${emulatorName(one)}${ending}`)
  await attempt(['sh', '-c', EXTRACT, 'extract', archive, into, ...names], { env: context.env })
  const found = await Promise.all(
    architectures.map((one) => asEmulator(one, join(into, 'usr/bin', emulatorName(one) + ending), context.env)),
  )
  return await Promise.all(found.flatMap((one) => (one === undefined ? [] : [keepQemu(one, otherwise, context)])))
}
