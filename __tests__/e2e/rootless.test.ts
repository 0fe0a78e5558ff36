import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

import { afterAll, describe, expect, jest, test } from '@jest/globals'

import { removeFolder } from '../../src/engine/remove-folder.js'
import { type Account, accountFor, findAccount } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { matrixEngines } from '../harness/engines.js'
import { listFolder, makeFolder, makeWorkspace } from '../harness/folders.js'
import { imageFiles, pullImage } from '../harness/images.js'
import { type SeenProcess, watchProcesses } from '../harness/process-watch.js'
import { someSeconds, wakeAll, wakeOnSight } from '../harness/run-marks.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { type StepInputs, withCovered, withOverlayAt } from '../harness/surroundings.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()
afterAll(wakeAll)

// A sleep that nobody else sleeps, so that its process can be told from others; it ends when it is seen.
const marker = someSeconds()
const wake = wakeOnSight(marker)

interface Watched extends StepResult {
  /** Buildah's processes, its RUN steps' and what pushed. */
  readonly ofTheBuild: readonly SeenProcess[]
  /** Who owned the private folder while the step ran, and its mode. */
  readonly folder: { readonly uid: number; readonly mode: number } | undefined
}

/** Builds as a user of the machine (root, by the step) and looks at the processes while it does. */
async function watched(options: Partial<StepOptions>): Promise<Watched> {
  let folder: Watched['folder']
  const look = (seen: SeenProcess): void => {
    wake(seen)
    const { argv } = seen
    const own = argv[argv.indexOf('--runroot') + 1]?.replace(/\/run$/, '')
    if (argv.includes('build') && argv.includes('--layers') && own !== undefined) {
      const { uid, mode } = statSync(own)
      folder = { uid, mode: mode & 0o777 }
    }
  }
  const lines = [
    `FROM ${busybox}`,
    `RUN sleep ${marker} || true`,
    'RUN echo x > /x && chown 77:88 /x && chmod 4711 /x',
    '',
  ]
  const inputs = { images: `${registry.host}/acme/root`, push: 'true', 'tls-verify': 'false', ...options.inputs }
  const workspace = { Dockerfile: lines.join('\n') }
  const run = (): Promise<StepResult> => succeed({ as: 'root', ...options, workspace, inputs })
  const { result: step, seen } = await watchProcesses(run, look)
  const ofTheBuild = seen.filter(({ argv }) => argv[0]?.endsWith('buildah') === true || argv.includes(marker))
  return { ...step, ofTheBuild, folder }
}

/** The RUN step was seen, as well as the build and the push, and all of them ran as this account. */
function expectRunBy(account: Pick<Account, 'uid'>, { ofTheBuild, folder, log }: Watched): void {
  const commands = ofTheBuild.map(({ argv }) => argv.join(' ')).join('\n')
  expect(commands).toMatch(/buildah --root \S+ .* build /)
  expect(commands).toMatch(/buildah --root \S+ .* push /)
  expect(commands).toContain(`sleep ${marker}`)
  const others = ofTheBuild.filter(({ uid }) => uid !== account.uid)
  expect(others.map(({ uid, argv }) => `${uid}: ${argv.join(' ')}`)).toStrictEqual([])
  // It is root's: the account could turn paths elsewhere that root follows.
  const isOfRoot = account.uid !== 0 && log.includes('the step runs as root')
  expect(folder).toStrictEqual(isOfRoot ? { uid: 0, mode: 0o710 } : { uid: account.uid, mode: 0o700 })
}

async function expectOwners(): Promise<void> {
  const files = imageFiles(await pullImage(`${registry.host}/acme/root:latest`))
  expect(files.get('x')).toMatchObject({ mode: 0o4711, uid: 77, gid: 88 })
}

describe('a step that is run by root', () => {
  testUnless(rootReason)('builds in an account of its own, which root has no part in', async () => {
    // As root's is on most machines; the account may not enter it.
    const home = makeFolder('home')
    chmodSync(home, 0o700)
    const step = await watched({ home })
    const account = accountNamed('rootless-build')
    expect(account.uid).not.toBe(0)
    expectRunBy(account, step)
    expect(step.outputs['rootless']).toBe('true')
    expect(step.log).toMatch(/, as rootless-build \(the step runs as root; the build has its own account/)
    await expectOwners()
  })

  testUnless(rootReason)('builds in the account that "rootless-user" names', async () => {
    const account = accountFor('user')
    const step = await watched({ inputs: { 'rootless-user': account.name, rootless: 'require' } })
    expectRunBy(account, step)
    expect(step.outputs['rootless']).toBe('true')
    expect(step.log).toContain(`, as ${account.name} (the step runs as root and "rootless-user" names this account)`)
  })

  for (const { name, missing, program } of matrixEngines()) {
    exhaustively(testUnless(rootReason ?? missing))(`removes what subordinate users own with ${name}`, async () => {
      const { uid, gid } = accountFor('user')
      const programs = makeFolder('programs')
      copyFileSync(program, join(programs, 'buildah'))
      chmodSync(join(programs, 'buildah'), 0o755)
      // As the private folder is: root's, and the account may enter it.
      const folder = makeFolder('left')
      chownSync(folder, 0, gid)
      chmodSync(folder, 0o710)
      for (const path of ['root', 'tmp', 'user', 'data', 'cache']) mkdirAs(join(folder, path), uid, gid)
      const [, start = ''] =
        new RegExp(`^${accountFor('user').name}:(\\d+):`, 'm').exec(readFileSync('/etc/subuid', 'utf8')) ?? []
      mkdirAs(join(folder, 'root/of-another'), Number(start) + 77, gid)
      mkdirAs(join(folder, 'run'), uid, gid)
      writeFileSync(join(folder, 'root/of-another/file'), '')
      const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--']
      const conf = `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/root"\nrunroot = "${folder}/run"\n`
      writeFileSync(join(folder, 'storage.conf'), conf)
      const unshare = [...prefix, join(programs, 'buildah'), 'unshare']
      await removeFolder({ folder, unshare, keepStorage: false }, { PATH: process.env['PATH'] ?? '' })
      expect(existsSync(folder)).toBe(false)
    })
  }

  exhaustively(testUnless(rootReason))('builds in the account that called sudo', async () => {
    const account = accountFor('user')
    const env = { SUDO_UID: String(account.uid), SUDO_GID: String(account.gid), SUDO_USER: account.name }
    const step = await watched({ env })
    expectRunBy(account, step)
    expect(step.outputs['rootless']).toBe('true')
    expect(step.log).toContain(`, as ${account.name} (the step runs as root through sudo from this account)`)
  })

  testUnless(rootReason)('builds as root when "rootless: off" says so, and says so itself', async () => {
    const step = await watched({ inputs: { rootless: 'off' } })
    expectRunBy(accountFor('root'), step)
    expect(step.outputs['rootless']).toBe('false')
    expect(step.log).toContain(', as root (the step runs as root and `rootless` is `off`)')
    expect(step.log).toMatch(/^Sandbox: none \(Buildah runs as root\)$/m)
    await expectOwners()
  })

  testUnless(rootReason)(
    'makes the account where there is none, with a range of ids that nobody else has',
    async () => {
      const { within, etc } = machineWithoutAccount('rootless-build')
      const step = await watched({ within })
      expect(step.log).toMatch(/, as rootless-build \(.*, created now\)/)
      const [, , uid] =
        readFileSync(join(etc, 'passwd'), 'utf8')
          .match(/^rootless-build:.*$/m)?.[0]
          .split(':') ?? []
      expectRunBy({ uid: Number(uid) }, step)
      for (const file of ['subuid', 'subgid']) {
        const ranges = readFileSync(join(etc, file), 'utf8').trim().split('\n').map(rangeOf)
        const [own] = ranges.filter(({ name }) => name === 'rootless-build')
        const { start, end } = own ?? { start: 0, end: 0 }
        expect(end - start).toBe(65_536)
        expect(ranges.filter((range) => range.start < end && range.end > start)).toStrictEqual([own])
      }
    },
  )

  const refused = [
    { user: 'nobody-of-this-name', why: 'but this machine has no such user' },
    { user: 'root', why: 'which is root' },
  ]
  for (const { user, why } of casesOfSet(refused, ({ user }) => user === 'root')) {
    testUnless(rootReason)(`refuses "rootless-user: ${user}"`, async () => {
      const workspace = { Dockerfile: `FROM ${busybox}\n` }
      const { error } = await fail({ as: 'root', workspace, inputs: { 'rootless-user': user } })
      expect(error).toContain(`Input "rootless-user": got "${user}", ${why}`)
    })
  }
})

describe('a step that is run by a user', () => {
  test('builds as that user, also with "rootless: off"', async () => {
    const account = accountFor('user')
    const step = await watched({ as: 'user', inputs: { rootless: 'off' } })
    expectRunBy(account, step)
    expect(step.outputs['rootless']).toBe('true')
    await expectOwners()
  })

  exhaustively(test)('can’t become another', async () => {
    const workspace = { Dockerfile: `FROM ${busybox}\n` }
    const { error } = await fail({ workspace, inputs: { 'rootless-user': 'root' } })
    expect(error).toContain(`the step doesn't run as root, so it can't become another user`)
  })
})

/** Surroundings in which /etc knows no such account and /home is empty, and the folder where changes of /etc go. */
function machineWithoutAccount(name: string): { within: StepInputs; etc: string } {
  const layers = { lower: '/etc', upper: makeFolder('etc'), work: makeFolder('work') }
  for (const file of ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid']) {
    const lines = readFileSync(join('/etc', file), 'utf8').split('\n')
    const { mode } = statSync(join('/etc', file))
    writeFileSync(join(layers.upper, file), lines.filter((line) => !line.startsWith(`${name}:`)).join('\n'), { mode })
  }
  const home = withCovered({ '/home': makeFolder('home') })
  const within: StepInputs = (account) => [...withOverlayAt('/etc', layers)(account), ...home(account)]
  return { within, etc: layers.upper }
}

/** A line of /etc/subuid; `end` is the first id behind the range. */
function rangeOf(line: string): { name: string; start: number; end: number } {
  const [name = '', start, count] = line.split(':')
  return { name, start: Number(start), end: Number(start) + Number(count) }
}

function accountNamed(name: string): Account {
  const account = findAccount(name)
  if (account === undefined) throw new Error(`There is no account ${name}`)
  return account
}

function mkdirAs(path: string, uid: number, gid: number): void {
  mkdirSync(path, { mode: 0o700 })
  chownSync(path, uid, gid)
}

describe('a process of the account that puts links in the place of all that it can', () => {
  const victimFiles = ['auth.json', 'auth/auth.json', 'docker/config.json', 'secrets/0', 'parts/x', 'config']

  /** Owner, mode and content of all that lies there. */
  function snapshotOf(folder: string): string[] {
    return listFolder(folder).map((path) => {
      const { uid, gid, mode } = statSync(join(folder, path))
      const content = statSync(join(folder, path)).isFile() ? readFileSync(join(folder, path), 'utf8') : ''
      return `${path} ${uid}:${gid} ${mode.toString(8)} ${content}`
    })
  }

  for (const [place, isClosed] of [
    ['in RUNNER_TEMP', false],
    ['in /var/tmp', true],
  ] as const) {
    exhaustively(testUnless(rootReason))(`turns nothing of root's elsewhere, ${place}`, async () => {
      const account = accountFor('user')
      const victim = makeWorkspace(Object.fromEntries(victimFiles.map((path) => [path, 'mine'])))
      const before = snapshotOf(victim)
      const temp = makeFolder('temp')
      if (isClosed) chmodSync(temp, 0o700)
      const script = join(import.meta.dirname, '../hostile/swap-paths.mjs')
      const place = isClosed ? '/var/tmp' : temp
      const swapper = spawn(process.execPath, [script, place, victim], { uid: account.uid, gid: account.gid })
      await once(swapper.stdout, 'data')
      for (let turn = 0; turn < 3; turn += 1) {
        await runAction({
          as: 'root',
          limitMilliseconds: 40_000,
          env: { RUNNER_TEMP: temp },
          workspace: { Dockerfile: `FROM ${busybox}\nRUN true\n` },
          inputs: {
            ...{ images: `${registry.host}/acme/swapped`, push: 'true', 'tls-verify': 'false', secrets: 'key=value' },
            ...{ 'rootless-user': account.name, outputs: 'type=tar,dest=out.tar' },
          },
          // It may fail, or come to no end: the account can do to its own build what it likes.
        }).catch(() => undefined)
      }
      swapper.kill('SIGKILL')
      await once(swapper, 'exit')
      expect(snapshotOf(victim)).toStrictEqual(before)
    })
  }
})
