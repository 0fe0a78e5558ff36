import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { type Emulated, tinyProgram } from '../../src/engine/buildah/emulation/programs.js'
import { accountFor, testsAreRoot } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { describeEngines } from '../harness/describe-engines.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import { foreignBusybox } from '../harness/foreign-busybox.js'
import { architecture } from '../harness/oci-layout.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { likeHostedRunner, likeHostedRunnerWithout, withoutPrograms } from '../harness/surroundings.js'
import { exhaustively } from '../harness/test-set.js'

jest.setTimeout(300_000)

const foreign = architecture === 'arm64' ? { name: 'amd64', machine: 'x86_64' } : { name: 'arm64', machine: 'aarch64' }
const busybox = foreignBusybox(foreign.name)
const missing = 'missing' in busybox ? busybox.missing : undefined
const account = accountFor('user')
/** All tests share it, so that an emulator is fetched once. */
const toolCache = makeFolder('tools', account)

/** A program of another processor that says on which one it runs, into the image and into the log. */
const dockerfile = [
  `FROM --platform=linux/${foreign.name} scratch AS build`,
  'COPY busybox /bin/busybox',
  'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox uname -m | /bin/busybox tee /machine; echo called $0"]',
  'FROM scratch',
  'COPY --from=build /machine /machine',
].join('\n')

function step(options: Partial<StepOptions> = {}): StepOptions {
  const program = 'missing' in busybox ? '' : readFileSync(busybox.path)
  const workspace = makeWorkspace({ Dockerfile: dockerfile, busybox: { content: program, mode: 0o755 } }, account)
  const inputs = { engine: 'buildah', cache: 'off', outputs: 'type=tar,dest=out.tar' }
  return { toolCache, ...options, workspace, inputs: { ...inputs, ...options.inputs } }
}

/** Builds, and looks at what ran, and at what the machine has registered then. */
async function emulated(options: Partial<StepOptions> = {}): Promise<string> {
  const { log, workspace } = await succeed(step(options))
  const files = await run('tar', ['--extract', '--to-stdout', '--file', join(workspace, 'out.tar'), 'machine'])
  expect(files.toString()).toBe(`${foreign.machine}\n`)
  expect(log).toContain(`Emulation: linux/${foreign.name}: 1 RUN step (line 3) run by qemu-${foreign.machine} `)
  expect(log).toContain("in the build's own user namespace; expect 3 to 25 times the time")
  // The name that the shell was called by, not its path: flag P.
  expect(log).toMatch(/^called sh$/m)
  expect(existsSync(`/proc/sys/fs/binfmt_misc/qemu-${foreign.machine}`)).toBe(false)
  return log
}

const emulates = testUnless(missing)

describe('a RUN step for another processor', () => {
  emulates('is run by an emulator out of the distribution’s package, without root; later steps find it', async () => {
    const taken = `Emulation: took qemu-${foreign.machine} out of the package qemu-user`
    const first = await emulated()
    expect(first).toContain(taken)
    expect(await emulated({ inputs: { sandbox: 'off' } })).not.toContain(taken)
  })

  exhaustively(testUnless(missing ?? rootReason))('also where root hands the build to an account', async () => {
    await emulated({ as: 'root' })
    await emulated({ as: 'root', inputs: { sandbox: 'off' } })
  })
})

describeEngines('$name', ({ wish, version, onlyOne, testEach }) => {
  // A network of its own takes a helper that fits the Buildah.
  const onHost = { isolation: 'rootless', network: 'host' }
  const eachRuntime = {
    chroot: { inputs: { isolation: 'chroot' } },
    crun: { inputs: onHost, within: likeHostedRunner },
    runc: { inputs: onHost, within: likeHostedRunnerWithout('crun') },
  }
  const matrix = exhaustively(
    missing === undefined && testsAreRoot ? testEach : onlyOne(testUnless(missing ?? rootReason)),
  )
  for (const [runtime, { inputs, ...surroundings }] of Object.entries(eachRuntime)) {
    // The crun of Debian 12 starts nothing for these.
    if (runtime === 'crun' && !lt(version, '1.39.0')) continue
    for (const sandbox of ['require', 'off'])
      matrix(`emulates with ${runtime}, sandbox ${sandbox}`, async () => {
        const engine = wish()
        await emulated({ ...engine, toolCache, ...surroundings, inputs: { ...engine.inputs, ...inputs, sandbox } })
      })
  }
})

test('an image that starts a program of another processor is refused, whatever its label says', async () => {
  const program = { content: tinyProgram(foreign.name as Emulated), mode: 0o755 }
  const text = 'FROM scratch\nCOPY program /usr/bin/app\nENV PATH=/usr/bin\nENTRYPOINT ["app"]\n'
  const workspace = makeWorkspace({ Dockerfile: text, program }, account)
  const { error, log } = await fail({ workspace, inputs: { engine: 'buildah', cache: 'off' } })
  expect(log).toContain('COMMIT')
  expect(error).toContain(
    `The Dockerfile makes a wrong image for linux/${architecture}: the program that it starts, "/usr/bin/app" (by "app"), is built for ${foreign.name}.`,
  )
})

describe('where nothing can emulate, the error comes before the build', () => {
  const label = foreign.name === 'arm64' ? 'ubuntu-24.04-arm' : 'ubuntu-24.04'
  const onItsOwn = `uild linux/${foreign.name} on a runner of its own (\`runs-on: ${label}\`)`
  const setUp = 'register an emulator for the machine in an earlier step (`- uses: docker/setup-qemu-action@v3`)'

  async function refused(options: Partial<StepOptions>): Promise<string> {
    const { error, log } = await fail(step(options))
    expect(log).not.toContain('STEP 1/')
    expect(error).toContain(
      `Input "emulation": Dockerfile line 3 (RUN in stage "build") runs programs for linux/${foreign.name}, which this machine can't run`,
    )
    expect(error).toContain(onItsOwn)
    return error
  }

  test('with emulation: off', async () => {
    // With Docker there, too, and without a word of it.
    const error = await refused({ inputs: { emulation: 'off', engine: 'auto' } })
    expect(error.split('\n')[1]).toBe(`Write \`emulation: auto\`, or b${onItsOwn}.`)
  })

  testUnless(rootReason)('below Linux 6.7', async () => {
    const within: StepOptions['within'] = (one) => ['setarch', '--uname-2.6', ...withoutPrograms()(one)]
    const error = await refused({ within })
    expect(error).toMatch(/Linux 2\.6\.\S+ lets only root register an emulator\./)
    expect(error).toContain(`${setUp}, or use a runner with Linux 6.7 or later`)
  })

  testUnless(rootReason)('without a qemu and without apt', async () => {
    const error = await refused({ within: withoutPrograms('apt-get'), toolCache: makeFolder('no-tools', account) })
    expect(error).toContain('no static qemu is on PATH, and there is no apt-get to fetch one with.')
    expect(error).toContain('or install a static qemu (`sudo apt-get install qemu-user-static`).')
  })

  exhaustively(testUnless(rootReason))('as root', async () => {
    const error = await refused({ as: 'root', inputs: { rootless: 'off' } })
    expect(error).toContain(`Build without root (remove \`rootless: off\`), b${onItsOwn}, or ${setUp}.`)
  })
})
