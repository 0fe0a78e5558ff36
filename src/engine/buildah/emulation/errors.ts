import type { RunStep } from '../../../dockerfile/run-steps.js'
import { formatPlatform } from '../../../lib/platform.js'
import { UserError } from '../../../errors.js'

/** Why there is no emulator for a step. */
export interface Reason {
  /** As the end of a sentence. */
  readonly why: string
  readonly kind: keyof typeof CURES
}

const NATIVE_RUNNERS: Readonly<Record<string, string>> = { arm64: 'ubuntu-24.04-arm', amd64: 'ubuntu-24.04' }
const SET_UP_QEMU = 'register an emulator for the machine in an earlier step (`- uses: docker/setup-qemu-action@v3`)'

/** What helps beside a runner of the platform and an emulator of the machine. */
const CURES = {
  off: 'write `emulation: auto`',
  root: 'build without root (remove `rootless: off`)',
  kernel: 'use a runner with Linux 6.7 or later, such as `runs-on: ubuntu-24.04`',
  qemu: 'install a static qemu (`sudo apt-get install qemu-user-static`)',
  namespace: undefined,
  unknown: undefined,
} as const

/** The error for a step that nothing here can run. Pure. */
export function noEmulator({ platform, stage, line }: RunStep, { why, kind }: Reason): UserError {
  const name = formatPlatform(platform)
  const runner = NATIVE_RUNNERS[platform.architecture]
  const cures = [
    ...(runner === undefined ? [] : [`build ${name} on a runner of its own (\`runs-on: ${runner}\`)`]),
    // With `off`, no emulator is used, whoever has registered it.
    ...(kind === 'off' ? [] : [SET_UP_QEMU]),
    ...(CURES[kind] === undefined ? [] : [CURES[kind]]),
  ]
  return new UserError(
    `Input "emulation": Dockerfile line ${line} (RUN in stage ${JSON.stringify(stage)}) runs programs for ${name}, which this machine can't run, and they can't be emulated: ${why}.`,
    sentence(cures),
  )
}

/** `One, two, or three.` */
function sentence(parts: readonly string[]): string {
  const last = parts.at(-1) ?? ''
  const joined = parts.length > 1 ? `${parts.slice(0, -1).join(', ')}, or ${last}` : last
  return `${joined.charAt(0).toUpperCase()}${joined.slice(1)}.`
}
