import { chmod, copyFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Context } from '../../../runner/context.js'
import { findProgram } from '../../../exec.js'
import { firstClosedFolder } from '../../access.js'
import type { WorkDir } from '../../work-dir.js'
import { type Emulator, emulatorName, isRegistrable } from './binfmt.js'
import { keptQemu } from './kept-qemus.js'
import { fetchQemus } from './package.js'
import type { Emulated } from './programs.js'
import { asEmulator } from './static-program.js'

/**
 * Finds a static qemu for each of these processors: on PATH, in the tool cache, or in a package of the distribution, out of
 * which it is taken without being installed.
 * @returns why there is none, as the end of a sentence, where one can't be had
 */
export async function findQemus(
  architectures: readonly Emulated[],
  { folder, context }: { readonly folder: WorkDir; readonly context: Context },
): Promise<readonly Emulator[] | { readonly missing: string }> {
  const found = await Promise.all(architectures.map((one) => locate(one, context)))
  const open = architectures.filter((_, index) => found[index] === undefined)
  const fetched = open.length === 0 ? [] : await fetchQemus(open, folder.path, context)
  if ('missing' in fetched) return fetched
  const emulators = [...found.flatMap((one) => one ?? []), ...fetched]
  return await Promise.all(emulators.map((one) => withinReach(one, folder)))
}

async function locate(architecture: Emulated, context: Context): Promise<Emulator | undefined> {
  const name = emulatorName(architecture)
  for (const program of [`${name}-static`, name]) {
    const path = await findProgram(program, context.env)
    const found = path === undefined ? undefined : await asEmulator(architecture, path, context.env)
    if (found !== undefined) return found
  }
  const kept = await keptQemu(architecture, context)
  return kept === undefined ? undefined : await asEmulator(architecture, kept, context.env)
}

/** The same, or a copy of it in the private folder where the account may not go to where it is. */
async function withinReach(emulator: Emulator, { path, buildUser }: WorkDir): Promise<Emulator> {
  const isReached = (await firstClosedFolder(dirname(emulator.path), buildUser)) === undefined
  if (isReached && isRegistrable(emulator.path)) return emulator
  const copy = join(path, emulatorName(emulator.architecture))
  await copyFile(emulator.path, copy)
  await chmod(copy, 0o755)
  return { ...emulator, path: copy }
}
