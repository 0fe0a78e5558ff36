import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../../runner/context.js'
import { attempt, findProgram, type RunResult } from '../../../exec.js'
import { info } from '../../../log.js'
import { type Emulator, emulatorName } from './binfmt.js'
import type { Emulated } from './programs.js'
import { asEmulator } from './static-program.js'

/**
 * Packages of Debian and Ubuntu with static emulators, and what their programs' names end with. From Debian 13 on the first
 * has only links into the second; before, those of the second are not static.
 */
const PACKAGES = [
  { name: 'qemu-user-static', ending: '-static' },
  { name: 'qemu-user', ending: '' },
] as const

/** Takes the files `$3`… out of the package `$1` into the folder `$2`; those that aren't in it are left out. */
const EXTRACT = 'package=$1 folder=$2; shift 2; dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" "$@"'

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
    let failure = ''
    for (const { name, ending } of PACKAGES) {
      const archive = await download(name, temporary, context)
      if (!('path' in archive)) {
        failure ||= archive.failure
        continue
      }
      const emulators = await extract(
        architectures,
        { archive: archive.path, ending, into: temporary, otherwise },
        context,
      )
      if (emulators.length === architectures.length) return emulators
    }
    const said = failure === '' ? 'it has no static one for this processor' : failure
    return { missing: `no static qemu is on PATH, and the package ${PACKAGES[0].name} can't be used: ${said}` }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** By the lists of packages that the machine has, else by new ones in a private folder. */
async function download(
  name: string,
  temporary: string,
  { env }: Context,
): Promise<{ readonly path: string } | { readonly failure: string }> {
  const into = join(temporary, name)
  const lists = join(temporary, 'lists')
  await mkdir(into, { recursive: true })
  const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${join(temporary, 'cache')}`]
  const apt = async (options: readonly string[], ...words: readonly string[]) =>
    await attempt(['apt-get', '-qq', '-o', 'APT::Sandbox::User=', ...options, ...words], { env, cwd: into })
  const fetch = async (options: readonly string[]) => await apt(options, 'download', name)
  info(`Emulation: fetching the package ${name}`)
  const first = await fetch([])
  let last: RunResult = first
  if (first.exitCode !== 0) {
    for (const folder of [join(lists, 'partial'), join(temporary, 'cache/archives/partial')])
      await mkdir(folder, { recursive: true })
    await apt(own, 'update')
    last = await fetch(own)
  }
  const archive = (await readdir(into)).find((file) => file.endsWith('.deb'))
  if (last.exitCode === 0 && archive !== undefined) return { path: join(into, archive) }
  return { failure: last.stderr.trim().split('\n').at(-1)?.replace(/\.$/, '') ?? '' }
}

/** Where an archive lies, and where what is in it goes. */
interface Unpacking {
  readonly archive: string
  readonly ending: string
  readonly into: string
  readonly otherwise: string
}

/** The emulators that a package has. */
async function extract(
  architectures: readonly Emulated[],
  { archive, ending, into, otherwise }: Unpacking,
  context: Context,
): Promise<Emulator[]> {
  const files = join(into, `files${ending}`)
  await mkdir(files)
  const names = architectures.map((one) => `./usr/bin/${emulatorName(one)}${ending}`)
  await attempt(['sh', '-c', EXTRACT, 'extract', archive, files, ...names], { env: context.env })
  const found = await Promise.all(
    architectures.map(async (one) => {
      const path = join(files, 'usr/bin', emulatorName(one) + ending)
      return await asEmulator(one, path, context.env)
    }),
  )
  return await Promise.all(found.flatMap((one) => (one === undefined ? [] : [keep(one, otherwise, context)])))
}

async function keep(emulator: Emulator, otherwise: string, { toolCache }: Context): Promise<Emulator> {
  const name = emulatorName(emulator.architecture)
  if (toolCache === undefined) {
    await copyFile(emulator.path, join(otherwise, name))
    return { ...emulator, path: join(otherwise, name) }
  }
  const { cacheFile } = await import('@actions/tool-cache')
  return { ...emulator, path: join(await cacheFile(emulator.path, name, name, emulator.version), name) }
}
