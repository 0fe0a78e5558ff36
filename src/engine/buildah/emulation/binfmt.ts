import { join } from 'node:path'
import { ELF_HEADERS } from '../../../lib/elf.js'
import type { Platform } from '../../../lib/platform.js'
import type { Emulated } from './programs.js'

/** A static qemu that the kernel can start programs of another processor with. */
export interface Emulator {
  readonly architecture: Emulated
  /** Absolute path of the program. */
  readonly path: string
  /** Three numbers, `7.2.22`. */
  readonly version: string
}

/** What runs programs of other processors in a build. */
export interface Emulation {
  /** Those that are registered in the user namespace of each build; empty where there is nothing to register. */
  readonly emulators: readonly Emulator[]
  /** Whether RUN steps of this platform are emulated. */
  readonly emulates: (platform: Platform) => boolean
}

export const NO_EMULATION: Emulation = { emulators: [], emulates: () => false }

/** qemu's names of processors, where they are other ones. */
const QEMU_NAMES: Readonly<Partial<Record<Emulated, string>>> = { '386': 'i386', amd64: 'x86_64', arm64: 'aarch64' }
/** From this major version on, qemu finds the name that a program was called by behind the path of its file. */
const KEEPS_ARGV0_SINCE = 6

/** `qemu-aarch64`. */
export function emulatorName(architecture: Emulated): string {
  return `qemu-${QEMU_NAMES[architecture] ?? architecture}`
}

/**
 * What registers an emulator with the kernel when it is written to binfmt_misc's `register`: in a line of its own, which
 * has no line break in it. The kernel opens the emulator at once (F), so that it is found inside of any root; programs keep
 * their set-uid bits (C) and the names that they were called by (P). Pure.
 * @see Documentation/admin-guide/binfmt-misc.rst of Linux
 */
export function registration({ architecture, path, version }: Emulator): string {
  const { machine, bits, endian } = ELF_HEADERS[architecture]
  const half = (value: number) => (endian === 'big' ? [value >> 8, value & 0xff] : [value & 0xff, value >> 8])
  const ident = [0x7f, 0x45, 0x4c, 0x46, bits / 32, endian === 'big' ? 2 : 1, 1]
  const magic = [...ident, ...zeros(9), ...half(2), ...half(machine)]
  // Any ABI (byte 7), and of the types an executable file (2) or a shared one (3).
  const mask = [...ident.map(() => 0xff), 0, ...zeros(8).map(() => 0xff), ...half(0xfffe), 0xff, 0xff]
  const flags = Number.parseInt(version, 10) >= KEEPS_ARGV0_SINCE ? 'FCP' : 'FC'
  return [':', emulatorName(architecture), ':M:0:', escaped(magic), ':', escaped(mask), ':', path, ':', flags].join('')
}

/** Whether the kernel takes this path: its fields end with a colon, and the length is limited. Pure. */
export function isRegistrable(path: string): boolean {
  return path.length < 128 && !/[:\n]/.test(path)
}

/**
 * Shell commands that mount binfmt_misc and register emulators in it, for the user namespace of the shell: Linux 6.7 and
 * later have one for each. All is gone when the mount is.
 * @param folder an expression of the shell for the path of an empty folder
 * @param entries one for the lines of `registration`; the shell must split at line breaks alone, and expand no patterns
 */
export function registerCommands(folder: string, entries: string): string {
  return `mount -t binfmt_misc -o nosuid,nodev,noexec binfmt_misc ${folder}
for entry in ${entries}; do printf '%s' "$entry" >${folder}/register; done`
}

/** Runs as root of a user namespace: registers the lines in `$2` in the empty folder `$1`, and becomes the program behind. */
const REGISTERING = `set -euf
IFS='
'
${registerCommands('"$1"', '$2')}
shift 2
exec "$@"
`

/** The command line before a program that is to have these emulators. Pure. @param folder private one of the step */
export function registering(shell: string, folder: string, emulators: readonly Emulator[]): string[] {
  return [shell, '-c', REGISTERING, 'emulation', join(folder, 'sandbox'), registrations(emulators)]
}

/** The lines that register them. Pure. */
export function registrations(emulators: readonly Emulator[]): string {
  return emulators.map(registration).join('\n')
}

function zeros(count: number): number[] {
  return Array<number>(count).fill(0)
}

function escaped(bytes: readonly number[]): string {
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}
