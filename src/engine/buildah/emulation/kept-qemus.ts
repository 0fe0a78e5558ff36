import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../../runner/context.js'
import { type Emulator, emulatorName } from './binfmt.js'
import type { Emulated } from './programs.js'

/** Path of the newest emulator for a processor in the tool cache; undefined where there is none. */
export async function keptQemu(
  architecture: Emulated,
  { toolCache }: Pick<Context, 'toolCache'>,
): Promise<string | undefined> {
  if (toolCache === undefined) return undefined
  const { find } = await import('@actions/tool-cache')
  const name = emulatorName(architecture)
  const folder = find(name, '*')
  return folder === '' ? undefined : join(folder, name)
}

/** Keeps an emulator in the tool cache, or where there is none, in another folder. @returns the one that is kept */
export async function keepQemu(
  emulator: Emulator,
  otherwise: string,
  { toolCache }: Pick<Context, 'toolCache'>,
): Promise<Emulator> {
  const name = emulatorName(emulator.architecture)
  if (toolCache === undefined) {
    await copyFile(emulator.path, join(otherwise, name))
    return { ...emulator, path: join(otherwise, name) }
  }
  const { cacheFile } = await import('@actions/tool-cache')
  return { ...emulator, path: join(await cacheFile(emulator.path, name, name, emulator.version), name) }
}
