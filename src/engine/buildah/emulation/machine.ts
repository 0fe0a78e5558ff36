import { readFile } from 'node:fs/promises'
import { attempt, type Env } from '../../../exec.js'
import { emulatorName } from './binfmt.js'
import type { Emulated } from './programs.js'

/** An emulator that somebody has registered for the whole machine. */
export interface MachineEmulator {
  /** For a person: `qemu-aarch64 7.2`. */
  readonly name: string
}

/** Where binfmt_misc mostly is mounted. */
const BINFMT = '/proc/sys/fs/binfmt_misc'

/** What the machine has registered for a processor, as far as it tells; undefined where it tells nothing. */
export async function machineEmulator(
  architecture: Emulated,
  env: Env,
  folder = BINFMT,
): Promise<MachineEmulator | undefined> {
  const name = emulatorName(architecture)
  const entry = await readFile(`${folder}/${name}`, 'utf8').catch(() => '')
  const interpreter = interpreterIn(entry)
  if (interpreter === undefined) return undefined
  const { stdout } = await attempt([interpreter, '--version'], { env }).catch(() => ({ stdout: '' }))
  const version = /version (\d+\.\d+)/.exec(stdout)?.[1]
  return { name: version === undefined ? name : `${name} ${version}` }
}

/** The program of an entry that is switched on. Pure. */
export function interpreterIn(entry: string): string | undefined {
  return /^enabled$/m.test(entry) ? /^interpreter (\/.*)$/m.exec(entry)?.[1] : undefined
}
