import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { builtBuildah } from '../harness/built-buildah.js'
import { listFolder, makeFolder, makeWorkspace } from '../harness/folders.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import {
  withCovered,
  withOverlayAt,
  withoutNewPrivileges,
  withoutPrograms,
  withoutUserNamespaces,
} from '../harness/surroundings.js'
import { describeExhaustively, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(120_000)

// What a machine lacks is taken away in namespaces of the step's own, and those take root.
const testAsRoot = testUnless(rootReason)
const hybrid = !existsSync('/sys/fs/cgroup/cgroup.controllers')

const { registry, base } = await useRegistry()

function build(inputs: Readonly<Record<string, string>>, more: Partial<StepOptions> = {}): StepOptions {
  return {
    workspace: { Dockerfile: `FROM ${base}\nRUN echo hello\n` },
    ...more,
    inputs: { images: 'registry.example.com/acme/web', ...inputs },
    env: { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host), ...more.env },
  }
}

/** The step must end before the build, with an error that begins so. */
async function expectStopped(options: StepOptions, ...parts: readonly (string | RegExp)[]): Promise<void> {
  const { error, log } = await fail(options)
  expect(log).not.toMatch(/^STEP \d|^Engine:/m)
  for (const part of parts) {
    if (typeof part === 'string') expect(error).toContain(part)
    else expect(error).toMatch(part)
  }
}

describe('a rootless build names what stops it, and the cure:', () => {
  const cant = "A rootless build can't work here: "

  testAsRoot('newuidmap is missing', async () => {
    const within = withoutPrograms('newuidmap')
    await expectStopped(build({}, { within }), `${cant}the program newuidmap is missing`, 'apt-get install uidmap')
  })

  exhaustively(testAsRoot)('newgidmap is missing', async () => {
    const within = withoutPrograms('newgidmap')
    await expectStopped(build({}, { within }), `${cant}the program newgidmap is missing`, 'apt-get install uidmap')
  })

  exhaustively(testAsRoot)('newuidmap has lost its setuid bit', async () => {
    const bare = join(makeFolder('tool'), 'newuidmap')
    await run('install', ['--mode=755', '/usr/bin/newuidmap', bare])
    const within = withCovered({ '/usr/bin/newuidmap': bare })
    await expectStopped(
      build({}, { within }),
      `${cant}/usr/bin/newuidmap can't map IDs: it isn't setuid`,
      'chmod u+s /usr/bin/newuidmap',
    )
  })

  testAsRoot('the account has no subordinate IDs', async () => {
    const within = withCovered({ '/etc/subuid': '/dev/null', '/etc/subgid': '/dev/null' })
    const cause = /\/etc\/subuid gives the user rib-test no subordinate IDs/
    await expectStopped(build({}, { within }), cause, /usermod --add-subuids \S+ --add-subgids \S+ rib-test/)
    // The same where root names the account: it is somebody's, so it is not changed.
    await expectStopped(build({ 'rootless-user': accountFor('user').name }, { within, as: 'root' }), cause)
  })

  exhaustively(testAsRoot)('the process may not gain privileges', async () => {
    for (const as of ['user', 'root'] as const) {
      await expectStopped(
        build({}, { within: withoutNewPrivileges, as }),
        /no_new_privs/,
        'allowPrivilegeEscalation: true',
      )
    }
  })

  testAsRoot('the kernel allows no user namespaces', async () => {
    await expectStopped(
      build({}, { within: withoutUserNamespaces }),
      `${cant}the kernel allows no user namespaces (user.max_user_namespaces is 0)`,
      'sysctl -w user.max_user_namespaces=',
    )
  })
})

describe('subordinate IDs', () => {
  exhaustively(testAsRoot)('too few are a warning', async () => {
    const few = makeWorkspace({ ids: `${accountFor('user').name}:200000:1000\n` })
    const within = withCovered({ '/etc/subuid': join(few, 'ids'), '/etc/subgid': join(few, 'ids') })
    const { log } = await succeed(build({}, { within }))
    expect(log).toMatch(/^::warning::The user rib-test has only 1000 subordinate IDs; .*usermod/m)
  })

  testAsRoot('the account that the action makes gets its own where the system gave it none', async () => {
    const none = makeWorkspace({ subuid: '', subgid: 'somebody:100000:65536\n' })
    const within = withCovered({ '/etc/subuid': join(none, 'subuid'), '/etc/subgid': join(none, 'subgid') })
    const { outputs } = await succeed(build({}, { within, as: 'root' }))
    expect(outputs['rootless']).toBe('true')
    expect(readFileSync(join(none, 'subuid'), 'utf8')).toBe('rootless-build:100000:65536\n')
    expect(readFileSync(join(none, 'subgid'), 'utf8')).toBe('somebody:100000:65536\nrootless-build:165536:65536\n')
  })
})

describe('the storage driver', () => {
  /** A RUNNER_TEMP where the kernel mounts no overlay, because it lies on one, as a container's own files do. */
  function onOverlay(): Pick<StepOptions, 'env' | 'within'> & { readonly upper: string } {
    const account = accountFor('user')
    const temp = makeFolder('temp', account)
    const layers = { lower: makeFolder('lower'), upper: makeFolder('upper', account), work: makeFolder('work') }
    const within = withOverlayAt(temp, layers)
    return { env: { RUNNER_TEMP: temp }, within, upper: layers.upper }
  }

  testAsRoot('is vfs, with a warning, where no overlay can be mounted', async () => {
    const { upper, ...place } = onOverlay()
    const { log } = await succeed(build({}, place))
    expect(log).toMatch(/^Engine: .*storage driver vfs/m)
    expect(log).toMatch(/^::warning::Neither overlay nor fuse-overlayfs can be mounted here.*\(vfs\).*RUNNER_TEMP/m)
    expect(listFolder(upper)).toStrictEqual([])
  })

  exhaustively(testAsRoot)(
    'overlay, asked for where it can’t be mounted, is an error that gives the reason',
    async () => {
      const { upper, ...place } = onOverlay()
      await expectStopped(
        build({ 'storage-driver': 'overlay' }, place),
        /Input "storage-driver": overlay can't be mounted in \/\S+: mount: .*(wrong fs type|Invalid argument)/,
        '`storage-driver: auto`',
      )
      expect(listFolder(upper)).toStrictEqual([])
    },
  )

  testAsRoot('fuse-overlayfs, asked for where it isn’t installed, is an error', async () => {
    await expectStopped(
      build({ 'storage-driver': 'fuse-overlayfs' }, { within: withoutPrograms('fuse-overlayfs') }),
      'Input "storage-driver": fuse-overlayfs can\'t work here: the program fuse-overlayfs is missing',
      'apt-get install fuse-overlayfs',
    )
  })
})

describe('isolation', () => {
  const none = withoutPrograms('crun', 'runc')
  const noRuntime = 'no OCI runtime (crun, runc) is installed'

  testAsRoot('rootless needs a runtime: the error says there is none', async () => {
    await expectStopped(build({ isolation: 'rootless' }, { within: none }), 'with isolation: rootless:', noRuntime)
  })

  exhaustively(testAsRoot)('without a network needs a runtime: the error says there is none', async () => {
    await expectStopped(build({ network: 'none' }, { within: none }), 'with network: none:', noRuntime)
  })

  testAsRoot('is chroot by itself where there is no runtime, and the log says why', async () => {
    const { log } = await succeed(build({}, { within: none }))
    expect(log).toMatch(/^Engine: .*isolation chroot$/m)
    expect(log).toContain(`skipped: ${noRuntime}`)
  })

  const notHybrid = hybrid ? undefined : 'the cgroups of this machine are all v2, where crun runs'
  testUnless(rootReason ?? notHybrid)('rootless where crun can’t run: the error says why', async () => {
    await expectStopped(
      build({ isolation: 'rootless' }, { within: withoutPrograms('runc') }),
      /with isolation: rootless:\n- \/\S+\/crun doesn't support hybrid cgroups v1 and v2/,
    )
  })
})

describe('the tiny build', () => {
  // One runtime alone, and no network, so that there is exactly one thing to find out.
  const [runtime, other] = hybrid ? ['runc', 'crun'] : ['crun', 'runc']
  const missing = ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(join(folder, runtime)))
    ? undefined
    : `${runtime} is not here`

  testUnless(rootReason ?? missing)('is remembered for the machine', async () => {
    const toolCache = makeFolder('tools', accountFor('user'))
    // The same for all jobs of a machine; the answer is one for the disk that it lies on.
    const env = { RUNNER_TEMP: makeFolder('temp', accountFor('user')) }
    const options = build({ network: 'none' }, { toolCache, env, within: withoutPrograms(other) })
    await succeed(options)
    const [name = '', ...others] = readdirSync(join(toolCache, 'rootless-image-build')).filter((one) => one !== 'cache')
    const answer = join(toolCache, 'rootless-image-build', name)
    expect(others).toStrictEqual([])
    expect(JSON.parse(readFileSync(answer, 'utf8'))).toStrictEqual({})

    // An answer that a build would not give shows that none was made.
    writeFileSync(answer, JSON.stringify({ failure: 'as remembered' }))
    await expectStopped(options, `with ${await pathOf(runtime)} doesn't work here: as remembered`)

    writeFileSync(answer, '{"troub')
    await succeed(options)
    expect(JSON.parse(readFileSync(answer, 'utf8'))).toStrictEqual({})
    expect(listFolder(env.RUNNER_TEMP)).toStrictEqual([])
  })
})

describeExhaustively('a Buildah that does without CNI', () => {
  const current = builtBuildah('1.43.2')
  const absent = typeof current === 'string' ? current : undefined

  testUnless(rootReason ?? absent)('needs netavark, which is found out', async () => {
    if (typeof current === 'string') throw new Error(current)
    const programs = join(makeFolder('buildah'), 'bin')
    mkdirSync(programs, { mode: 0o755 })
    copyFileSync(current.program, join(programs, 'buildah'))
    const env = { PATH: `${programs}:/usr/sbin:/usr/bin:/sbin:/bin` }
    await expectStopped(
      build({}, { env, within: withoutPrograms('netavark') }),
      'could not find "netavark"',
      'apt-get install netavark',
    )
    const { log } = await succeed(build({}, { env }))
    expect(log).toContain(`Engine: Buildah ${current.version} (${programs}/buildah`)
  })
})

async function pathOf(program: string): Promise<string> {
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin' }
  return (await run('/bin/sh', ['-c', `command -v ${program}`], { env })).toString().trim()
}
