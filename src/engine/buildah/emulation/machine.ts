import { readFile } from 'node:fs/promises'
import { attempt, type Env } from '../../../exec.js'
import type { Place } from '../find/probe.js'
import { type Emulator, emulatorName } from './binfmt.js'
import type { Emulated } from './programs.js'
import { findQemus } from './qemu.js'
import { tryProgram } from './trial.js'

/** What decides how programs of another processor can run. */
export interface Machine {
  /** `6.8.0-1017-azure`. */
  readonly kernel: string
  /** Whether Buildah runs as root, and so in no user namespace. */
  readonly isRoot: boolean
  /**
   * Runs a program as a RUN step is run, with these emulators in the user namespace of the build.
   * @returns undefined when it ran; else why not, as the end of a sentence
   */
  tryProgram(architecture: Emulated, emulators: readonly Emulator[]): Promise<string | undefined>
  /** The emulator that is registered for the whole machine, as far as it tells. */
  registered(architecture: Emulated): Promise<MachineEmulator | undefined>
  /** Static emulators for all of these; or why they can't be had, as the end of a sentence. */
  findQemus(architectures: readonly Emulated[]): Promise<readonly Emulator[] | { readonly missing: string }>
}

/** An emulator that somebody has registered for the whole machine. */
export interface MachineEmulator {
  /** For a person: `qemu-aarch64 7.2`. */
  readonly name: string
}

/** The machine that the build runs on. */
export function machineOf(place: Place): Machine {
  const { folder, host } = place
  return {
    kernel: host.kernel,
    isRoot: folder.buildUser.uid === 0,
    tryProgram: (architecture, emulators) => tryProgram(architecture, place, emulators),
    registered: (architecture) => machineEmulator(architecture, folder.env),
    findQemus: (architectures) => findQemus(architectures, place),
  }
}

/** Where binfmt_misc mostly is mounted. */
const BINFMT = '/proc/sys/fs/binfmt_misc'

/** What the machine has registered for a processor, as far as it tells; undefined where it tells nothing. */
async function machineEmulator(architecture: Emulated, env: Env): Promise<MachineEmulator | undefined> {
  const name = emulatorName(architecture)
  const entry = await readFile(`${BINFMT}/${name}`, 'utf8').catch(() => '')
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
