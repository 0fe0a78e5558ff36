import coerce from 'semver/functions/coerce.js'
import gte from 'semver/functions/gte.js'
import { nativePlatform, type Platform } from '../../../lib/platform.js'
import { result } from '../../../log.js'
import type { Inputs } from '../../../runner/inputs.js'
import { type Emulation, type Emulator, emulatorName, NO_EMULATION } from './binfmt.js'
import { noEmulator } from './errors.js'
import { byPlatform, type Programs, programsIn } from './foreign-programs.js'
import type { Place } from '../find/probe.js'
import { type Machine, type MachineEmulator, machineOf } from './machine.js'
import { EMULATED, type Emulated } from './programs.js'

/** Linux has a binfmt_misc for each user namespace from this release on. */
const OWN_BINFMT_SINCE = '6.7.0'
/** Architectures whose programs run on processors of another one, if the kernel and the processor can: 32 bits on 64. */
const NARROWER: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' }

/** How programs of a processor run here: the processor runs them itself, an emulator of the machine does, or nothing. */
type Runner = 'processor' | MachineEmulator | undefined

/** The emulation of these programs on the machine of the build. @throws UserError as `provideEmulation` does */
export async function emulationOn(
  place: Place,
  all: readonly Programs[],
  inputs: Pick<Inputs, 'emulation'>,
): Promise<Emulation> {
  return await provideEmulation(all, inputs, machineOf(place))
}

/**
 * Makes sure, before anything is built, that programs can run: those of other platforms by what the machine has, else by an
 * emulator in the build's own user namespace. Says which of them are emulated.
 * @param all that the build runs, for all its platforms
 * @throws UserError that names the first one that can't be run, and the cures
 */
export async function provideEmulation(
  all: readonly Programs[],
  { emulation: wanted }: Pick<Inputs, 'emulation'>,
  machine: Machine,
): Promise<Emulation> {
  const foreign = all.filter(({ platform }) => !isOwn(platform))
  if (foreign.length === 0) return NO_EMULATION
  const architectures = [...new Set(foreign.map(({ platform }) => platform.architecture))]
  const runners = new Map(
    await Promise.all(architectures.map(async (one) => [one, await runnerOf(one, machine)] as const)),
  )
  const emulated = foreign.filter(({ platform }) => runners.get(platform.architecture) !== 'processor')
  const [first] = emulated
  if (first === undefined) return NO_EMULATION
  if (wanted === 'off') throw noEmulator(first, { why: '"emulation" is `off`', kind: 'off' })
  const emulates = ({ architecture }: Platform) =>
    emulated.some(({ platform }) => platform.architecture === architecture)
  const open = emulated.find(({ platform }) => runners.get(platform.architecture) === undefined)
  if (open === undefined) {
    say(emulated, (architecture) => describeMachine(runners.get(architecture)))
    return { emulators: [], emulates }
  }
  // A user namespace that has emulators of its own doesn't see those of the machine.
  const needed = [...new Set(emulated.map(({ platform }) => platform.architecture))]
  const emulators = await provide(needed, open, machine)
  say(emulated, (architecture) => describeOwn(emulators.find((one) => one.architecture === architecture)))
  return { emulators, emulates }
}

function isOwn({ architecture }: Platform): boolean {
  return architecture === nativePlatform().architecture
}

function isEmulated(architecture: string): architecture is Emulated {
  return (EMULATED as readonly string[]).includes(architecture)
}

async function runnerOf(architecture: string, machine: Machine): Promise<Runner> {
  if (!isEmulated(architecture) || (await machine.tryProgram(architecture, [])) !== undefined) return undefined
  const registered = await machine.registered(architecture)
  if (registered !== undefined) return registered
  return NARROWER[nativePlatform().architecture] === architecture ? 'processor' : { name: 'an emulator' }
}

/** Emulators in the user namespace of the account. @throws UserError where they can't be had, or don't work */
async function provide(
  architectures: readonly string[],
  programs: Programs,
  machine: Machine,
): Promise<readonly Emulator[]> {
  const wanted = architectures.filter(isEmulated)
  const unknown = architectures.find((one) => !isEmulated(one))
  if (unknown !== undefined)
    throw noEmulator(programs, { why: `this action has no emulator for ${unknown}`, kind: 'unknown' })
  if (machine.isRoot)
    throw noEmulator(programs, {
      why: 'as root, an emulator could only be registered for the whole machine',
      kind: 'root',
    })
  const kernel = coerce(machine.kernel)
  if (kernel !== null && !gte(kernel, OWN_BINFMT_SINCE))
    throw noEmulator(programs, { why: `Linux ${machine.kernel} lets only root register an emulator`, kind: 'kernel' })
  const emulators = await machine.findQemus(wanted)
  if ('missing' in emulators) throw noEmulator(programs, { why: emulators.missing, kind: 'qemu' })
  for (const emulator of emulators) {
    const failure = await machine.tryProgram(emulator.architecture, emulators)
    if (failure !== undefined)
      throw noEmulator(programs, {
        why: `${emulator.path} does not work in a user namespace here: ${failure}`,
        kind: 'namespace',
      })
  }
  return emulators
}

/** A line for each platform. */
function say(emulated: readonly Programs[], by: (architecture: string) => string): void {
  for (const [name, all] of byPlatform(emulated)) {
    const architecture = all[0]?.platform.architecture ?? ''
    result(
      `Emulation: ${name}: ${programsIn(all)} run by ${by(architecture)}; expect 3 to 25 times the time of a runner of that platform`,
    )
  }
}

function describeMachine(runner: Runner): string {
  return runner === undefined || runner === 'processor' ? '' : `${runner.name}, registered on this machine`
}

function describeOwn(emulator: Emulator | undefined): string {
  if (emulator === undefined) return ''
  const { architecture, version } = emulator
  return `${emulatorName(architecture)} ${version.split('.').slice(0, 2).join('.')}, in the build's own user namespace`
}
