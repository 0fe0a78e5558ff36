import { describe, expect, it } from '@jest/globals'
import { provideEmulation } from '../../../../../src/engine/buildah/emulation/emulation.js'
import type { Programs } from '../../../../../src/engine/buildah/emulation/foreign-programs.js'
import type { Emulation } from '../../../../../src/engine/buildah/emulation/binfmt.js'
import type { Machine } from '../../../../../src/engine/buildah/emulation/machine.js'
import { RuledOut, UserError } from '../../../../../src/errors.js'
import { nativePlatform, parsePlatform } from '../../../../../src/lib/platform.js'
import type { RunStep } from '../../../../../src/dockerfile/run-steps.js'
import { logOf } from '../../../helpers.js'

const own = nativePlatform()
// Whatever this machine is, one of them isn't its own.
const foreign = own.architecture === 's390x' ? 'riscv64' : 's390x'
const narrower = { amd64: '386', arm64: 'arm' }[own.architecture] ?? '386'

function stepOf(architecture: string, line = 3, stage = 'build'): RunStep {
  return { platform: parsePlatform(`linux/${architecture}`) ?? own, stage, line }
}

/** A machine of a current kernel with every qemu and nothing registered, on which only these programs run by themselves. */
function machineOf(changes: Partial<Machine> = {}, running: readonly string[] = []): Machine {
  return {
    kernel: '6.8.0-1017-azure',
    isRoot: false,
    tryProgram: (architecture, emulators) =>
      Promise.resolve(
        emulators.length > 0 || running.includes(architecture)
          ? undefined
          : 'cannot execute binary file: Exec format error',
      ),
    registered: () => Promise.resolve(undefined),
    findQemus: (all) =>
      Promise.resolve(
        all.map((architecture) => ({ architecture, path: `/tools/qemu-${architecture}`, version: '8.2.2' })),
      ),
    ...changes,
  }
}

const never: Machine = machineOf({
  tryProgram: () => Promise.reject(new Error('a program was started')),
})

async function provided(steps: readonly Programs[], machine: Machine): Promise<{ emulation: Emulation; log: string }> {
  let emulation: Emulation | undefined
  const log = await logOf(async () => {
    emulation = await provideEmulation(steps, { emulation: 'auto' }, machine)
  })
  if (emulation === undefined) throw new Error('nothing was provided')
  return { emulation, log }
}

describe('provideEmulation', () => {
  it('starts nothing where all steps are for the machine', async () => {
    const { emulation, log } = await provided([stepOf(own.architecture)], never)
    expect(emulation.emulators).toStrictEqual([])
    expect(emulation.emulates(own)).toBe(false)
    expect(log).toBe('')
  })

  it('registers an emulator for the build, and says which steps it runs', async () => {
    const steps = [stepOf(own.architecture), stepOf(foreign, 4), stepOf(foreign, 7)]
    const { emulation, log } = await provided(steps, machineOf())
    expect(emulation.emulators).toStrictEqual([
      { architecture: foreign, path: `/tools/qemu-${foreign}`, version: '8.2.2' },
    ])
    expect([own, stepOf(foreign).platform].map(emulation.emulates)).toStrictEqual([false, true])
    expect(log).toContain(
      `Emulation: linux/${foreign}: 2 RUN steps (lines 4, 7) run by qemu-${foreign} 8.2, in the build's own user namespace; expect 3 to 25 times the time`,
    )
  })

  it('says so of the commands of `test`, which are no step', async () => {
    const test = { platform: stepOf(foreign).platform, input: 'test' } as const
    expect((await provided([test], machineOf())).log).toContain(`linux/${foreign}: the commands of "test" run by qemu-`)
    const both = await provided([stepOf(foreign), test], machineOf())
    expect(both.log).toContain(`linux/${foreign}: 1 RUN step (line 3) and the commands of "test" run by qemu-`)
    await expect(provideEmulation([test], { emulation: 'off' }, machineOf())).rejects.toThrow(
      `Input "emulation": the commands of "test" run programs for linux/${foreign}, which this machine can't run`,
    )
  })

  it('registers nothing where the machine has an emulator, and names it', async () => {
    const registered = () => Promise.resolve({ name: `qemu-${foreign} 7.2` })
    const { emulation, log } = await provided([stepOf(foreign)], machineOf({ registered }, [foreign]))
    expect(emulation.emulators).toStrictEqual([])
    expect(emulation.emulates(stepOf(foreign).platform)).toBe(true)
    expect(log).toContain(`1 RUN step (line 3) run by qemu-${foreign} 7.2, registered on this machine;`)
  })

  it('takes programs of 32 bits that run for the processor’s own, unless an emulator is registered', async () => {
    const native = await provided([stepOf(narrower)], machineOf({}, [narrower]))
    expect([native.log, native.emulation.emulates(stepOf(narrower).platform)]).toStrictEqual(['', false])
    const registered = () => Promise.resolve({ name: 'qemu-x 7.2' })
    const emulated = await provided([stepOf(narrower)], machineOf({ registered }, [narrower]))
    expect(emulated.emulation.emulates(stepOf(narrower).platform)).toBe(true)
  })

  it('registers all where one is missing: a namespace with emulators of its own doesn’t see those of the machine', async () => {
    const registered = () => Promise.resolve({ name: `qemu-${foreign} 7.2` })
    const { emulation } = await provided([stepOf(foreign), stepOf('ppc64le')], machineOf({ registered }, [foreign]))
    expect(emulation.emulators.map(({ architecture }) => architecture)).toStrictEqual([foreign, 'ppc64le'])
  })

  const nativeRunner = own.architecture === 'arm64' ? 'amd64' : 'arm64'
  const label = nativeRunner === 'arm64' ? 'ubuntu-24.04-arm' : 'ubuntu-24.04'
  const setup = 'register an emulator for the machine in an earlier step (`- uses: docker/setup-qemu-action@v3`)'
  const ofItsOwn = `build linux/${nativeRunner} on a runner of its own (\`runs-on: ${label}\`)`
  const onItsOwn = `B${ofItsOwn.slice(1)}, `

  it.each<[what: string, emulation: 'auto' | 'off', machine: Machine, why: string, hint: string]>([
    ['emulation is off', 'off', machineOf(), '"emulation" is `off`.', `Write \`emulation: auto\`, or ${ofItsOwn}.`],
    [
      'emulation is off, and an emulator is registered',
      'off',
      machineOf({ registered: () => Promise.resolve({ name: 'q' }) }, [nativeRunner]),
      '"emulation" is `off`.',
      `Write \`emulation: auto\`, or ${ofItsOwn}.`,
    ],
    [
      'Buildah runs as root',
      'auto',
      machineOf({ isRoot: true }),
      'as root, an emulator could only be registered for the whole machine.',
      `Build without root (remove \`rootless: off\`), ${ofItsOwn}, or ${setup}.`,
    ],
    [
      'the kernel is older',
      'auto',
      machineOf({ kernel: '6.6.87.2-microsoft-standard-WSL2' }),
      'Linux 6.6.87.2-microsoft-standard-WSL2 lets only root register an emulator.',
      `${onItsOwn}${setup}, or use a runner with Linux 6.7 or later, such as \`runs-on: ubuntu-24.04\`.`,
    ],
    [
      'there is no qemu',
      'auto',
      machineOf({ findQemus: () => Promise.resolve({ missing: 'no static qemu is on PATH' }) }),
      'no static qemu is on PATH.',
      `${onItsOwn}${setup}, or install a static qemu (\`sudo apt-get install qemu-user-static\`).`,
    ],
    [
      'the namespace refuses',
      'auto',
      machineOf({ tryProgram: () => Promise.resolve('mount: permission denied') }),
      `/tools/qemu-${nativeRunner} does not work in a user namespace here: mount: permission denied.`,
      `${onItsOwn}or ${setup}.`,
    ],
  ])('refuses before the build where %s', async (_, emulation, machine, why, hint) => {
    const step = stepOf(nativeRunner, 7, 'web')
    const refused = await provideEmulation([step], { emulation }, machine).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(emulation === 'off' ? RuledOut : UserError)
    const { message, hint: got } = refused as UserError
    expect(message).toBe(
      `Input "emulation": Dockerfile line 7 (RUN in stage "web") runs programs for linux/${nativeRunner}, which this machine can't run, and they can't be emulated: ${why}`,
    )
    expect(got).toBe(hint)
  })

  it('refuses a processor that it has no emulator for, without a runner that GitHub hasn’t', async () => {
    const refused = provideEmulation([stepOf('mips64le')], { emulation: 'auto' }, machineOf())
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining('this action has no emulator for mips64le.') as unknown,
      hint: 'Register an emulator for the machine in an earlier step (`- uses: docker/setup-qemu-action@v3`).',
    })
  })
})
