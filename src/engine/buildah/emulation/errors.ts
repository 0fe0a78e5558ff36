import { formatPlatform } from '../../../lib/platform.js'
import { RuledOut, UserError } from '../../../errors.js'
import { type Programs, subjectOf } from './foreign-programs.js'

/** Why there is no emulator. */
export interface Reason {
  /** As the end of a sentence. */
  readonly why: string
  readonly kind: 'off' | 'root' | 'kernel' | 'qemu' | 'namespace' | 'unknown'
}

const NATIVE_RUNNERS: Readonly<Record<string, string>> = { arm64: 'ubuntu-24.04-arm', amd64: 'ubuntu-24.04' }
const SET_UP_QEMU = 'register an emulator for the machine in an earlier step (`- uses: docker/setup-qemu-action@v3`)'

/** What helps beside a runner of the platform and an emulator of the machine. */
const CURES = {
  kernel: 'use a runner with Linux 6.7 or later, such as `runs-on: ubuntu-24.04`',
  qemu: 'install a static qemu (`sudo apt-get install qemu-user-static`)',
} as const
/** What takes back what the user has written, and is read first. */
const TAKEN_BACK = { off: 'write `emulation: auto`', root: 'build without root (remove `rootless: off`)' } as const

/** The error for programs that nothing here can run. Pure. */
export function noEmulator(programs: Programs, { why, kind }: Reason): UserError {
  const { architecture } = programs.platform
  const name = formatPlatform(programs.platform)
  const runner = NATIVE_RUNNERS[architecture]
  const cures = [
    ...(kind === 'off' || kind === 'root' ? [TAKEN_BACK[kind]] : []),
    ...(runner === undefined ? [] : [`build ${name} on a runner of its own (\`runs-on: ${runner}\`)`]),
    // With `off`, no emulator is used, whoever has registered it.
    ...(kind === 'off' ? [] : [SET_UP_QEMU]),
    ...(kind === 'kernel' || kind === 'qemu' ? [CURES[kind]] : []),
  ]
  // Docker emulates with whatever its builder has, which isn't off.
  const Refusal = kind === 'off' ? RuledOut : UserError
  return new Refusal(
    `Input "emulation": ${subjectOf(programs)} programs for ${name}, which this machine can't run, and they can't be emulated: ${why}.`,
    sentence(cures),
  )
}

/** `One, two, or three.` */
function sentence(parts: readonly string[]): string {
  const last = parts.at(-1) ?? ''
  const joined = parts.length > 1 ? `${parts.slice(0, -1).join(', ')}, or ${last}` : last
  return `${joined.charAt(0).toUpperCase()}${joined.slice(1)}.`
}
