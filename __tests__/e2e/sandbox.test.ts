import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { accountFor, testsAreRoot } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { testedEngines, type Wish } from '../harness/engines.js'
import { buildEscape } from '../harness/escape-program.js'
import { type Files, makeFolder, makeWorkspace } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { getManifest, putManifest } from '../harness/registry-client.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { someSeconds, stillSleeping } from '../harness/run-marks.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import {
  likeHostedRunner,
  likeHostedRunnerWithout,
  onTerminal,
  withCovered,
  withoutPrograms,
  withPathOfAccounts,
} from '../harness/surroundings.js'
import { casesOfSet, exhaustively, isExhaustive } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base: busybox } = await useRegistry()
const secret = 'canary-in-the-home'
const account = accountFor('user')

/** A home with a file in it that nobody but the account may read. */
function homeWithCanary(): string {
  const home = makeFolder('home', account)
  const canary = join(home, 'canary')
  writeFileSync(canary, `${secret}\n`)
  chmodSync(canary, 0o600)
  if (testsAreRoot) chownSync(canary, account.uid, account.gid)
  return home
}

/** What an attacker wants, as patterns: the home, the logins, the command files and the post step of any job. */
function wanted(home: string): string[] {
  const job = join(tmpdir(), 'rib-job-*')
  const names = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'action/dist/post/index.js']
  return [
    join(home, 'canary'),
    ...names.map((name) => join(job, name)),
    ...['auth/auth.json', 'auth.json'].map((name) => join(job, 'temp/rootless-image-build-*', name)),
  ]
}

/** Builds and pushes, with a login that the base image is pulled with. */
function attacked(files: Files, home: string, options: Partial<StepOptions> = {}) {
  const inputs = { images: `${registry.host}/acme/attack`, push: 'true', 'tls-verify': 'false', cache: 'off' }
  const workspace = makeWorkspace(files, account)
  return succeed({ home, ...options, workspace, inputs: { ...inputs, ...options.inputs } })
}

function expectNothingTaken(step: StepResult, home: string): void {
  const taken = step.log.split('\n').filter((line) => /^[\w-]+: (read|wrote|found|reached|typed|attached) /.test(line))
  expect(taken).toStrictEqual([])
  expect(step.log).not.toContain(secret)
  expect(readFileSync(join(home, 'canary'), 'utf8')).toBe(`${secret}\n`)
}

describe('a bind mount of a stage that is a link (CVE-2024-1753, open in the Buildah of Debian 12)', () => {
  const lines = (home: string) => [
    `FROM ${busybox} AS link`,
    'RUN ln -s / /out',
    `FROM ${busybox}`,
    'RUN --mount=type=bind,from=link,source=/out,target=/mnt \\',
    `  for file in ${wanted(home).join(' ')}; do for found in /mnt$file; do \\`,
    '    [ ! -f "$found" ] || echo "bind: read $found"; \\',
    '  done; done; true',
  ]

  test('shows nothing of the runner', async () => {
    const home = homeWithCanary()
    const step = await attacked({ Dockerfile: lines(home).join('\n') }, home)
    expectNothingTaken(step, home)
    expect(step.log).not.toMatch(/^Sandbox: /m)
  })

  const open = testedEngines().find(({ version }) => lt(version || '99.0.0', '1.33.7'))
  beforeAll(() => open?.start())
  afterAll(() => open?.stop())

  // Whether the attack is one: without a sandbox it gets what it wants.
  testUnless(open === undefined ? 'no Buildah below 1.33.7 is here' : open.missing)(
    'shows everything without one',
    async () => {
      const home = homeWithCanary()
      const wish = open?.wish() ?? { inputs: {} }
      const inputs = { ...wish.inputs, sandbox: 'off' }
      const step = await attacked({ Dockerfile: lines(home).join('\n') }, home, { ...wish, inputs })
      expect(step.log).toContain(`bind: read /mnt${home}/canary`)
      expect(step.log).toContain('Sandbox: none (`sandbox: off`)')
    },
  )
})

const escape = isExhaustive ? buildEscape() : { missing: 'only in the exhaustive set' }
const WAYS = ['double-chroot', 'kept-descriptor', 'descriptors', 'roots-in-proc', 'mount-in-userns', 'file-handles']
const OTHER_WAYS = ['device-node', 'signal', 'trace', 'terminal']
const SHARED = '4711'

/** By what a RUN step runs, and on which machine it does. */
const RUNTIMES = {
  chroot: { isolation: 'chroot', within: onTerminal },
  crun: { isolation: 'rootless', within: likeHostedRunner },
  runc: { isolation: 'rootless', within: likeHostedRunnerWithout('crun') },
}
type Runtime = keyof typeof RUNTIMES

/** Runs every way out of a step on this engine. */
async function escaped(wish: Wish, runtime: Runtime, home: string, sandbox: 'auto' | 'off') {
  if ('missing' in escape) throw new Error(escape.missing)
  const seconds = someSeconds()
  const close = await startRunner(escape.program)
  // What gets out would write into the files of the step as well, which the harness reads.
  const patterns = (sandbox === 'off' ? [join(home, 'canary')] : wanted(home)).map((path) => `, "${path}"`)
  const dockerfile = [
    `FROM ${busybox}`,
    'COPY escape /escape',
    ...[...WAYS, ...OTHER_WAYS].map((mode) => `RUN ["/escape", "${mode}"${patterns.join('')}]`),
    `RUN ["/escape", "shared-memory", "${SHARED}"]`,
    `RUN ["/escape", "survive", "${seconds}"]`,
  ]
  const program = { content: readFileSync(escape.program), mode: 0o755 }
  const { inputs, ...rest } = wish
  const { isolation, within } = RUNTIMES[runtime]
  try {
    const step = await attacked({ Dockerfile: dockerfile.join('\n'), escape: program }, home, {
      ...rest,
      inputs: { ...inputs, isolation, sandbox },
      ...(testsAreRoot && { within }),
      env: { CANARY: secret },
    })
    expect(stillSleeping(seconds)).toStrictEqual([])
    return step
  } finally {
    close()
  }
}

/** Processes of the account such as a runner has: one that can be signalled, and one that shares memory. */
async function startRunner(program: string): Promise<() => void> {
  const folder = makeFolder('runner')
  const [canary, shares] = ['canary-process', 'escape'].map((name) => join(folder, name)) as [string, string]
  copyFileSync('/bin/sleep', canary)
  copyFileSync(program, shares)
  for (const path of [canary, shares]) chmodSync(path, 0o755)
  const as = testsAreRoot ? { uid: account.uid, gid: account.gid } : {}
  const reached = spawn(canary, ['600'], as)
  const sharing = spawn(shares, ['share-memory', SHARED], as)
  await once(sharing.stdout, 'data')
  return () => {
    reached.kill('SIGKILL')
    sharing.stdin.end()
  }
}

if (isExhaustive) {
  describeEngines('$name', ({ testEach, version, wish }) => {
    for (const runtime of ['chroot', 'crun', 'runc'] as const) {
      // Debian 12 has no pasta, and a crun that is too old for it.
      const testHere = runtime !== 'chroot' && version.startsWith('1.4') ? test.skip : testEach
      testHere(`no step gets out of ${runtime}`, async () => {
        const home = homeWithCanary()
        const step = await escaped(wish(), runtime, home, 'auto')
        expect(step.log).toMatch(new RegExp(`, isolation .*\\b${runtime}\\b`))
        expectNothingTaken(step, home)
      })
    }

    // Whether the attacks are some.
    const testLeaking = version.startsWith('1.4') ? test.skip : testEach
    testLeaking('steps get out of chroot isolation without a sandbox', async () => {
      const home = homeWithCanary()
      const { log } = await escaped(wish(), 'chroot', home, 'off')
      for (const mode of ['double-chroot', 'kept-descriptor']) expect(log).toContain(`${mode}: read ${home}/canary`)
      for (const found of ['signal: reached canary-process', 'shared-memory: found', 'terminal: reached'])
        expect(log).toContain(found)
    })
  })
}

describe('where no sandbox can be made', () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }
  const within = withoutPrograms('nsenter')
  const testRoot = testUnless(rootReason)

  testRoot('one warning says why, and it is built', async () => {
    const step = await attacked(files, makeFolder('home', account), { within })
    expect(step.log).toContain(
      '::warning::Buildah runs without a sandbox, because none can be created here: missing programs of util-linux: nsenter',
    )
  })

  testRoot('with sandbox: require it is an error', async () => {
    const inputs = { images: `${registry.host}/acme/attack`, sandbox: 'require' }
    const { error } = await fail({ workspace: files, inputs, within })
    expect(error).toContain('Input "sandbox": got "require", and Buildah can\'t be run in a sandbox here')
  })
})

testUnless(rootReason)("with the PATH of Debian's ordinary accounts, there is a sandbox", async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }
  const home = makeFolder('home', account)
  const step = await attacked(files, home, { within: withPathOfAccounts, inputs: { sandbox: 'require' } })
  expect(step.log).not.toContain('without a sandbox')
})

testUnless(rootReason)(
  'where parts of /proc are covered, the rest of the sandbox is there, and the log says so',
  async () => {
    const within = withCovered({ '/proc/interrupts': '/dev/null' })
    const dockerfile = `FROM ${busybox}\nRUN ls /proc/1/status\n`
    const step = await attacked({ Dockerfile: dockerfile }, makeFolder('home', account), {
      within,
      inputs: { sandbox: 'require' },
    })
    expect(step.log).toMatch(/^Sandbox: without a \/proc of its own$/m)
  },
)

describe('paths of extra-args', () => {
  test('are seen by Buildah', async () => {
    const data = makeFolder('data', account)
    writeFileSync(join(data, 'file'), 'from a volume\n')
    const dockerfile = `FROM ${busybox}\nRUN cp /data/file /seen && ! touch /data/x 2>/dev/null\n`
    await attacked({ Dockerfile: dockerfile }, makeFolder('home', account), {
      inputs: { 'extra-args': `--volume=${data}:/data:ro` },
    })
    // The image tells it for sure: once, what the step printed was not in the log.
    const image = await pullImage(`${registry.host}/acme/attack:latest`)
    expect(contentOf(image, 'seen').toString()).toBe('from a volume\n')
  })

  test('are refused behind a flag that is not known', async () => {
    const inputs = { images: `${registry.host}/acme/attack`, 'extra-args': '--unheard-of=/etc/passwd' }
    const { error } = await fail({ workspace: { Dockerfile: 'FROM scratch\n' }, inputs })
    expect(error).toContain('"--unheard-of=/etc/passwd" has a path')
    expect(error).toContain('`sandbox: off`')
  })
})

describe('images whose names only Buildah can tell', () => {
  const cases = casesOfSet(
    [
      ['COPY --from', 'COPY --from=$SOURCE /bin/busybox /copied'],
      ['FROM', 'FROM "$SOURCE"'],
    ] as const,
    (_, index) => index === 1,
  )
  test.each(cases)('are pulled when Buildah misses them: %s', async (_, line) => {
    const dockerfile = `ARG SOURCE=${busybox}\nFROM scratch AS none\n${line.startsWith('FROM') ? line : `FROM scratch\nARG SOURCE\n${line}`}\nCOPY Dockerfile /\n`
    const step = await attacked({ Dockerfile: dockerfile }, makeFolder('home', account))
    expect(step.log).toMatch(new RegExp(`^Pull of ${busybox}: `, 'm'))
  })
})

describe('images for another platform', () => {
  const other = () => `${registry.host}/base/other`
  const build = (lines: readonly string[], inputs: Record<string, string> = {}) =>
    attacked({ Dockerfile: lines.join('\n') }, makeFolder('home', account), { inputs })

  /** One name for an image of each of two platforms. */
  async function pushIndex(): Promise<void> {
    const manifests: object[] = []
    for (const architecture of ['amd64', 'arm64']) {
      const inputs = { images: other(), tags: architecture, 'extra-args': `--platform=linux/${architecture}` }
      const { outputs } = await build(['FROM scratch', 'COPY Dockerfile /', `ENV OF=${architecture}`], inputs)
      const { bytes, mediaType } = await getManifest(`${other()}:${architecture}`)
      const platform = { os: 'linux', architecture }
      manifests.push({ mediaType, digest: outputs['digest'], size: bytes.length, platform })
    }
    const mediaType = 'application/vnd.oci.image.index.v1+json'
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
    await putManifest(`${other()}:latest`, { bytes, mediaType })
  }

  exhaustively(test)('are pulled before the build, or by it where one name is for two platforms', async () => {
    await pushIndex()
    const one = await build([`FROM --platform=linux/arm64 ${other()}`, 'COPY Dockerfile /x'])
    expect(one.log).toContain(`Pull of ${other()} for linux/arm64: `)
    expect(one.log).toContain(' --pull=never ')
    const lines = [`FROM --platform=linux/arm64 ${other()} AS arm`, `FROM ${other()}`, 'COPY --from=arm /Dockerfile /x']
    const two = await build(lines)
    expect(two.log).toContain('Sandbox: the build can read the logins, because it needs one image for two platforms')
  })
})
