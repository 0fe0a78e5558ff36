import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import { buildArgs, filesDockerfile } from '../../../../src/engine/docker/args.js'
import type { BuildPlaces } from '../../../../src/engine/docker/build-places.js'
import { usedImages } from '../../../../src/engine/docker/bases.js'
import {
  type BuilderKind,
  isInsecure,
  parseBuilder,
  parseBuildxVersion,
  parseInfo,
} from '../../../../src/engine/docker/builder.js'
import { explain } from '../../../../src/engine/docker/failures.js'
import { mergeConfig } from '../../../../src/engine/docker/config.js'
import { inspectedBase } from '../../../../src/engine/docker/fresh-bases.js'
import { findDocker } from '../../../../src/engine/docker/detect.js'
import { BUILDKIT_SINCE, checkParity } from '../../../../src/engine/docker/unsupported.js'
import { failedLine, followBuildkit } from '../../../../src/engine/docker/progress.js'
import type { BuildRequest } from '../../../../src/engine/engine.js'
import { UserError } from '../../../../src/errors.js'
import { CommandError } from '../../../../src/exec.js'
import { INPUT_ROWS } from '../../../../src/runner/input-table.js'
import { inputsOf, refusal, rejection, temporaryFolder } from '../../helpers.js'

const kinds: readonly BuilderKind[] = ['buildx', 'buildx-docker']

describe('what the client says of itself', () => {
  const info = {
    ServerVersion: '28.2.2',
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    RegistryConfig: { IndexConfigs: { 'docker.io': { Secure: true }, 'registry.acme:5000': { Secure: false } } },
    ClientInfo: { Context: 'work' },
  }

  it('is read', () => {
    expect(parseInfo(JSON.stringify(info), '')).toStrictEqual({
      server: { version: '28.2.2', rootless: true, containerd: true },
      insecure: ['registry.acme:5000'],
      failure: '',
      context: 'work',
      isPodman: false,
    })
  })

  it('may be that no daemon answers', () => {
    const text = JSON.stringify({ ServerErrors: ['Cannot connect to the Docker daemon at unix:///x.'], ClientInfo: {} })
    expect(parseInfo(text, '')).toMatchObject({
      server: undefined,
      failure: 'Cannot connect to the Docker daemon at unix:///x.',
      context: 'default',
    })
  })

  it.each(['', 'null', '[]', '"x"', 'nothing of the kind', '{"ServerVersion":7,"ClientInfo":[]}'])(
    'may be in no known form: %j',
    (text) => {
      expect(parseInfo(text, 'said so')).toMatchObject({ server: undefined, failure: 'said so', isPodman: false })
    },
  )

  it.each([
    ['{"host":{"arch":"amd64"},"store":{},"version":{"APIVersion":"5.4.0"}}', ''],
    ['', 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.'],
  ])('may be Podman’s: %j, %j', (stdout, stderr) => {
    expect(parseInfo(stdout, stderr).isPodman).toBe(true)
  })

  it.each([
    ['github.com/docker/buildx v0.38.2 461836ba0\n', '0.38.2'],
    ['github.com/docker/buildx 0.13.1+ds1-3 \n', '0.13.1+ds1-3'],
    ["docker: 'buildx' is not a docker command.\n", undefined],
    ['github.com/containers/buildah v1.43.2', undefined],
  ])('is a version of Buildx: %j', (text, expected) => {
    expect(parseBuildxVersion(text)).toBe(expected)
  })

  it.each([
    [
      'Name:          own\nDriver:        remote\n\nNodes:\nName:     own0\nBuildKit version: v0.34.2\n',
      { driver: 'remote', buildkit: '0.34.2', nodes: [{ name: 'own0', platforms: [], rootless: false }] },
    ],
    [
      [
        ...['Name:   two', 'Driver: remote', 'Last Activity: 2026-11-30', '', 'Nodes:'],
        ...['Name:             amd', 'Endpoint:         tcp://10.0.0.1:1234', 'Status:           running'],
        ...['BuildKit version: v0.34.2', 'Platforms:        linux/amd64, linux/amd64/v2, linux/386', 'Labels:'],
        ' org.mobyproject.buildkit.worker.oci.process-mode: sandbox',
        ...['', 'Name:             arm', 'Endpoint:         tcp://10.0.0.2:1234', 'Status:           running'],
        ...['BuildKit version: v0.34.2', 'Platforms:        linux/arm64*, linux/arm/v7', 'Labels:'],
        ' org.mobyproject.buildkit.worker.oci.process-mode: no-sandbox',
      ].join('\n'),
      {
        ...{ driver: 'remote', buildkit: '0.34.2' },
        nodes: [
          { name: 'amd', platforms: ['linux/amd64', 'linux/amd64/v2', 'linux/386'], rootless: false },
          { name: 'arm', platforms: ['linux/arm64', 'linux/arm/v7'], rootless: true },
        ],
      },
    ],
    [
      'Driver: kubernetes\nNodes:\nName: k0\nDriver Options: namespace="ci" rootless="true"\nStatus: running\n',
      { driver: 'kubernetes', buildkit: undefined, nodes: [{ name: 'k0', platforms: [], rootless: true }] },
    ],
    [
      'Driver: docker-container\nNodes:\nStatus: running\nBuildkit: v0.9.3\n',
      { driver: 'docker-container', buildkit: '0.9.3', nodes: [] },
    ],
    [
      'Driver: docker-container\nNodes:\nStatus: inactive\n',
      { driver: 'docker-container', buildkit: undefined, nodes: [] },
    ],
    ['ERROR: no builder "own" found', undefined],
  ])('is a builder: %j', (text, expected) => {
    expect(parseBuilder(text)).toStrictEqual(expected)
  })

  it.each([
    ['127.0.0.1:5000', true],
    ['localhost:5000', true],
    ['registry.acme:5000', true],
    ['registry.acme', false],
    ['docker.io', false],
    ['127.0.0.1.acme.com', false],
  ])('%s may be spoken to without TLS: %s', (registry, expected) => {
    expect(isInsecure(registry, ['registry.acme:5000'])).toBe(expected)
  })
})

describe('findDocker', () => {
  /** Finds what answers to the name of docker by this script. */
  const find = async (script: string, patience = 20, builder?: string) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'docker'), `#!/bin/sh\ncd ${folder}\n${script}\n`)
    chmodSync(join(folder, 'docker'), 0o755)
    return await findDocker({ PATH: `${folder}:/usr/bin:/bin` }, { patience, builder })
  }
  const info = (version: string) => `info) echo '{"ServerVersion":"${version}","ClientInfo":{}}' ;;`
  const buildx = (driver: string, version: string) =>
    `buildx) case $2 in version) echo 'github.com/docker/buildx v0.38.2 x' ;; *) printf 'Driver: ${driver}\nBuildKit version: ${version}\n' ;; esac ;;`

  it('names BuildKit of a builder of its own, and the daemon of the other one', async () => {
    expect(await find(`case $1 in ${info('28.2.2')} ${buildx('docker-container', 'v0.34.2')} esac`)).toMatchObject({
      ...{ kind: 'buildx', name: 'BuildKit 0.34.2', version: '0.34.2', buildkit: '0.34.2', buildx: '0.38.2' },
    })
    expect(await find(`case $1 in ${info('28.2.2')} ${buildx('docker', 'v0.23.0')} esac`)).toMatchObject({
      ...{ kind: 'buildx-docker', name: 'Docker 28.2.2', version: '28.2.2', buildkit: '0.23.0' },
    })
  })

  it('starts a builder that doesn’t run yet', async () => {
    const inspect = `buildx) case "$*" in *version) echo 'github.com/docker/buildx v0.38.2 x' ;;
      *--bootstrap) printf 'Driver: docker-container\nBuildKit version: v0.34.2\n' ;;
      *) printf 'Driver: docker-container\nStatus: inactive\n' ;; esac ;;`
    expect(await find(`case $1 in ${info('28.2.2')} ${inspect} esac`)).toMatchObject({ version: '0.34.2' })
  })

  it.each([
    ['no-sandbox', true],
    ['sandbox', false],
  ])('takes a builder elsewhere for rootless by what all of its nodes tell: %s', async (mode, rootless) => {
    const node = (name: string, of: string) =>
      `Name: ${name}\nBuildKit version: v0.34.2\nLabels:\n org.mobyproject.buildkit.worker.oci.process-mode: ${of}\n`
    const builder = `Driver: remote\nNodes:\n${node('one', 'no-sandbox')}\n${node('two', mode)}`
    const answers = `buildx) case $2 in version) echo 'github.com/docker/buildx v0.38.2 x' ;; *) printf '${builder}' ;; esac ;;`
    // No daemon is needed for one.
    expect(await find(`case $1 in info) exit 1 ;; ${answers} esac`)).toMatchObject({ driver: 'remote', rootless })
  })

  it.each([
    ['remote', true],
    ['kubernetes', true],
    ['cloud', true],
    ['docker-container', false],
    ['docker', false],
  ])('knows which builders keep their steps when the machine is gone: %s', async (driver, keepsSteps) => {
    const found = await find(`case $1 in ${info('28.2.2')} ${buildx(driver, 'v0.34.2')} esac`)
    expect(found).toMatchObject({ driver, keepsSteps })
  })

  it.each([
    ['docker-container', '"name=rootless"', true],
    ['docker-container', '"name=cgroupns"', false],
    ['remote', '"name=rootless"', false],
  ])('takes a builder for rootless by the daemon only where that runs it: %s, %s', async (driver, option, rootless) => {
    const daemon = `info) echo '{"ServerVersion":"28.2.2","SecurityOptions":[${option}],"ClientInfo":{}}' ;;`
    expect(await find(`case $1 in ${daemon} ${buildx(driver, 'v0.34.2')} esac`)).toMatchObject({ rootless })
  })

  it('names the input of a builder that there isn’t, with or without a daemon', async () => {
    const missing = `buildx) case $2 in version) echo 'github.com/docker/buildx v0.38.2 x' ;; *) echo 'ERROR: no builder "x" found' >&2; exit 1 ;; esac ;;`
    for (const daemon of [info('28.2.2'), 'info) exit 1 ;;']) {
      const { message, hint } = await rejection(find(`case $1 in ${daemon} ${missing} esac`, 20, 'x'))
      expect(message).toBe(`Input "builder": got "x", and Docker Buildx can't use it.\nERROR: no builder "x" found`)
      expect(hint).toContain('docker/setup-buildx-action')
    }
  })

  it('wants Buildx, and says how to get it', async () => {
    const nothing = `*) echo "docker: 'buildx' is not a docker command." >&2; exit 1 ;;`
    const { message, hint } = await rejection(find(`case $1 in ${info('20.10.24')} ${nothing} esac`))
    expect(message).toMatch(/^Docker 20\.10\.24 has no Buildx here/)
    expect(hint).toContain('uses: docker/setup-buildx-action@v3')
  })

  it('knows Podman under that name, at once', async () => {
    const podman = `echo 'Emulate Docker CLI using podman.' >&2; case $1 in info) echo '{"host":{}}' ;; *) exit 125 ;; esac`
    expect((await rejection(find(podman))).message).toContain('is Podman under the name docker')
  })

  it('asks everything side by side, so that a daemon which never answers is waited for once', async () => {
    // Each answers only when all have been asked.
    const wait = 'touch "asked-$$"; until [ "$(ls asked-* | wc -l)" -ge 3 ]; do sleep 0.1; done'
    const answers = `case $1 in ${info('28.2.2')} ${buildx('docker', 'v0.23.0')} esac`
    expect(await find(`${wait}; ${answers}`)).toMatchObject({ version: '28.2.2' })
  })

  it('says how long it has waited', async () => {
    const hanging = `case $1 in info) exec sleep 1000 ;; ${buildx('docker', 'v0.23.0')} esac`
    expect((await rejection(find(hanging, 1))).message).toContain('\nNo answer within 1 s.')
  })
})

describe('the private configuration', () => {
  it('keeps what is the user’s, and has our logins alone', () => {
    const theirs = { auths: { old: {} }, credsStore: 'desktop', currentContext: 'work', proxies: { default: {} } }
    const logins = { auths: { 'docker.io': { auth: 'YTpi' }, 'quay.io': {} }, credHelpers: { 'ecr.acme': 'ecr-login' } }
    expect(mergeConfig(JSON.stringify(theirs), logins)).toStrictEqual({
      currentContext: 'work',
      proxies: { default: {} },
      auths: { 'https://index.docker.io/v1/': { auth: 'YTpi' }, 'quay.io': {} },
      credHelpers: { 'ecr.acme': 'ecr-login' },
    })
  })

  it.each(['', '[]', 'null', '{'])('may be of a file that is none: %j', (text) => {
    expect(mergeConfig(text, { auths: {}, credHelpers: {} })).toStrictEqual({ auths: {}, credHelpers: {} })
  })
})

describe('what Docker does otherwise', () => {
  const dockerfile = parseDockerfile('FROM scratch\n')
  const check = (
    inputs: Record<string, string>,
    docker: { kind: BuilderKind; buildkit?: string; buildx?: string },
    text = dockerfile,
    more: { target?: string; hasFrontend?: boolean } = {},
  ) => {
    const source = { file: '/w/Dockerfile', dockerfile: text, target: more.target }
    const asked = { inputs: inputsOf(inputs), source, hasFrontend: more.hasFrontend ?? false }
    checkParity(asked, { buildkit: '0.34.2', buildx: '0.38.2', ...docker }, 'Docker 1 with x')
  }

  it('an image of several platforms, to be loaded', () => {
    const load = (platforms: string) => {
      check({ load: 'true', platforms }, { kind: 'buildx' })
    }
    expect(
      refusal(() => {
        load('linux/amd64,linux/arm64')
      }).message,
    ).toContain('Input "load" can\'t be honoured')
    expect(() => {
      load('linux/amd64')
    }).not.toThrow()
  })

  it('commands in images of several platforms', () => {
    const test = (platforms: string) => {
      check({ test: 'web --version', platforms }, { kind: 'buildx' })
    }
    expect(
      refusal(() => {
        test('linux/amd64,linux/arm64')
      }).message,
    ).toContain('Input "test" can\'t be honoured')
    expect(() => {
      test('linux/amd64')
    }).not.toThrow()
  })

  it.each(
    INPUT_ROWS.flatMap(([name, { docker }]) => (docker ? [[name, docker.example, docker.refusedBy] as const] : [])),
  )('%s: %s is refused by %j, and by no other', (input, example, refusedBy) => {
    for (const kind of kinds) {
      if (refusedBy.includes(kind)) {
        expect(
          refusal(() => {
            check({ [input]: example }, { kind })
          }).message,
        ).toMatch(new RegExp(`^Input "${input}" can't be honoured: Docker 1 with x `))
      } else check({ [input]: example }, { kind })
    }
  })

  it('nothing that is left at its default is refused, however old', () => {
    for (const kind of kinds) check({}, { kind, buildkit: '0.8.3', buildx: '0.8.0' })
  })

  it('who tells no version is taken for new', () => {
    for (const version of ['0.0.0+unknown', 'x'])
      check({ load: 'true' }, { kind: 'buildx', buildkit: version, buildx: version })
  })

  const heredoc = parseDockerfile('FROM scratch\nCOPY <<E /e\ne\nE\n')
  const asking: readonly (readonly [inputs: Record<string, string>, text?: typeof heredoc])[] = [
    [{ 'build-contexts': 'lib=.' }],
    [{ 'shm-size': '64m' }],
    [{ ulimit: 'nofile=10' }],
    [{}, heredoc],
    [{ timestamp: 'epoch' }],
    [{ test: 'web --version' }],
    [{ load: 'true' }],
  ]

  it.each(BUILDKIT_SINCE.map((need, index) => ({ what: need.what, need, asked: asking[index] })))(
    '$what waits for a BuildKit that does it',
    ({ need: { since, buildx, kinds: own }, asked }) => {
      const [inputs, text] = asked ?? [{}, undefined]
      const older = '0.8.3'
      // What a builder refuses in any version is in the other table.
      const isRefused = (kind: BuilderKind) =>
        INPUT_ROWS.some(([name, { docker }]) => name in inputs && docker?.refusedBy.includes(kind) === true)
      for (const kind of kinds.filter((kind) => !isRefused(kind))) {
        check(inputs, { kind, buildkit: since, buildx: since }, text)
        const attempts = [{ buildkit: older }, ...(buildx === undefined ? [] : [{ buildx: older }])]
        for (const attempt of attempts) {
          const act = () => {
            check(inputs, { kind, ...attempt }, text)
          }
          if (own.includes(kind)) expect(refusal(act).message).toContain(` needs Build`)
          else act()
        }
      }
    },
  )

  it('an image that reads the Dockerfile knows what BuildKit itself doesn’t', () => {
    const docker = { kind: 'buildx-docker', buildkit: '0.8.3' } as const
    check({}, docker, heredoc, { hasFrontend: true })
    check({ 'build-contexts': 'lib=.' }, docker, dockerfile, { hasFrontend: true })
    expect(
      refusal(() => {
        check({ ulimit: 'nofile=10' }, docker, dockerfile, { hasFrontend: true })
      }).message,
    ).toContain('needs BuildKit 0.10.0, but the builder has 0.8.3')
  })

  it('a stage without a name is built where it is the last one', () => {
    const text = parseDockerfile('FROM a AS b\nFROM c\nFROM d\n')
    check({}, { kind: 'buildx' }, text, { target: '2' })
    check({}, { kind: 'buildx' }, text, { target: 'b' })
    const error = refusal(() => {
      check({}, { kind: 'buildx' }, text, { target: '1' })
    })
    expect(error.message).toMatch(/^Input "target": got "1".* the one in line 2 has no name\.$/)
    expect(error.hint).toContain('`FROM c AS build`')
  })
})

describe('the one build', () => {
  const places: BuildPlaces = {
    ...{ workspace: '/w', iid: '/o/iid', metadata: '/o/m', results: '/o/results', secrets: [], file: '/w/Dockerfile' },
    ...{ cacheFrom: [], cacheTo: ['type=local,dest=/c'], pull: false, insecure: true },
  }
  const request = (inputs: Record<string, string>, more: Partial<BuildRequest> = {}): BuildRequest => ({
    ...{ inputs: inputsOf(inputs), format: 'oci', images: [], labels: [], annotations: [], onSteps: () => undefined },
    source: { context: '/w', file: '/w/Dockerfile', dockerfile: parseDockerfile('FROM scratch\n'), target: undefined },
    references: [
      { registry: 'a.io', repository: 'web', tag: '1' },
      { registry: 'b.io', repository: 'web', tag: '2' },
    ],
    ...{ cache: { read: true, write: true } },
    ...more,
  })
  const valuesOf = (args: readonly string[], flag: string) => args.filter((_, index) => args[index - 1] === flag)

  it('gives everything that is wanted, the image last', () => {
    const outputs = 'type=oci,dest=oci.tar\ntype=local,dest=files'
    const args = buildArgs(request({ push: 'true', load: 'true', outputs }), { kind: 'buildx' }, places)
    expect(valuesOf(args, '--output')).toStrictEqual([
      'type=oci,dest=/o/results/0,name=a.io/web:1',
      'type=local,dest=/o/results/1',
      'type=docker,"name=a.io/web:1,b.io/web:2"',
      'type=image,"name=a.io/web:1,b.io/web:2",push=true,registry.insecure=true',
    ])
    expect(valuesOf(args, '--cache-to')).toStrictEqual(['type=local,dest=/c'])
  })

  it('pushes by digest into each repository once, under no tag', () => {
    const references = ['1', '2'].map((tag) => ({ registry: 'a.io', repository: 'web', tag }))
    const inputs = { outputs: 'type=image,push-by-digest=true,push=true' }
    expect(valuesOf(buildArgs(request(inputs, { references }), { kind: 'buildx' }, places), '--output')).toStrictEqual([
      'type=image,name=a.io/web,push-by-digest=true,name-canonical=true,push=true,registry.insecure=true',
    ])
  })

  it('in the daemon gives the image alone, from which everything else is taken', () => {
    const outputs = 'type=docker,dest=image.tar\ntype=local,dest=files'
    const args = buildArgs(request({ push: 'true', load: 'true', outputs }), { kind: 'buildx-docker' }, places)
    expect(valuesOf(args, '--output')).toStrictEqual([])
    expect(valuesOf(args, '--tag')).toStrictEqual(['a.io/web:1', 'b.io/web:2'])
    expect(filesDockerfile('x:y')).toBe('FROM scratch\nCOPY --from=x:y / /\n')
  })

  it('has hosts with other addresses in the key of its steps', () => {
    const names = (hosts: string) => {
      const all = valuesOf(buildArgs(request({ 'add-hosts': hosts }), { kind: 'buildx' }, places), '--add-host')
      return all.map((host) => host.split(':')[0])
    }
    expect(names('db:10.0.0.1')).toStrictEqual(names('db:10.0.0.1'))
    expect(names('db:10.0.0.1')).not.toStrictEqual(names('db:10.0.0.2'))
    expect(names('')).toStrictEqual([])
  })

  it('names a stage, unless it is the last one and has no name', () => {
    const target = (text: string, name: string) => {
      const source = { context: '/w', file: '/w/Dockerfile', dockerfile: parseDockerfile(text), target: name }
      return valuesOf(buildArgs(request({}, { source }), { kind: 'buildx' }, places), '--target')
    }
    expect(target('FROM a AS b\nFROM c\n', 'b')).toStrictEqual(['b'])
    expect(target('FROM a AS b\nFROM c\n', '1')).toStrictEqual([])
  })
})

describe('the images that a build was made of', () => {
  const image = (uri: string, sha256?: string) => ({ uri, digest: sha256 === undefined ? {} : { sha256 } })
  const digest = 'a'.repeat(64)

  it.each<[what: string, provenance: unknown, expected: string[] | undefined]>([
    ['none', { builder: { id: '' } }, []],
    ['one', { materials: [image('pkg:docker/reg.io/x@1?platform=linux%2Famd64', digest)] }, [`sha256:${digest}`]],
    [
      'the same twice',
      { materials: [image('pkg:docker/x@1', digest), image('pkg:docker/x@2', digest)] },
      [`sha256:${digest}`],
    ],
    ['none, but a file', { materials: [image('https://acme.com/file', digest)] }, []],
    ['one without a digest', { materials: [image('pkg:docker/x@1')] }, ['unknown']],
    ['none that BuildKit tells', undefined, undefined],
    ['none in any known form', 'text', undefined],
  ])('%s', (_, provenance, expected) => {
    expect(usedImages({ 'buildx.build.provenance': provenance })).toStrictEqual(expected)
  })
})

describe('a disk that is full', () => {
  const cureOf = (output: string) => {
    const folder = { path: '/temp/rib-1', buildUser: undefined as never, env: {} }
    const error = new CommandError(['docker', 'buildx', 'build'], 1, output)
    const explained = explain('The build failed', error, { docker: undefined as never, env: {}, folder })
    return explained instanceof UserError ? explained.hint : undefined
  }

  it('is the daemon’s, unless the client could not write', () => {
    const layer =
      '#7 ERROR: write /var/lib/docker/overlay2/x/diff/big: no space left on device\nERROR: failed to solve: x\n'
    expect(cureOf(layer)).toMatch(/docker system prune/)
    expect(cureOf('ERROR: write /temp/rib-1/out/results/0: no space left on device\n')).toMatch(/set RUNNER_TEMP/)
  })
})

describe('a base image that the daemon has', () => {
  it.each<[image: string, digests: string, triggers: string, isRegistered: boolean, hasTriggers: boolean]>([
    ['busybox:1', '["busybox@sha256:0"]', 'null', true, false],
    ['docker.io/library/busybox', '["busybox@sha256:0"]', 'null', true, false],
    ['reg.io:5000/a/b:1@sha256:0', '["c@sha256:0","reg.io:5000/a/b@sha256:0"]', '["RUN x"]', true, true],
    ['acme/own:1', '[]', 'null', false, false],
    // The same image under a name that only the daemon knows.
    ['acme/own:1', '["reg.io:5000/a/b@sha256:0"]', '[]', false, false],
    ['acme/own:1', '', '', false, false],
  ])('%s, %s, %s: registered %s, triggers %s', (image, digests, triggers, isRegistered, hasTriggers) => {
    expect(inspectedBase(image, `${digests}\t${triggers}\n`)).toStrictEqual({ isRegistered, hasTriggers })
  })
})

describe('the progress of BuildKit', () => {
  const output = `#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [build 1/3] FROM docker.io/library/busybox:1
#5 DONE 0.1s
#6 [build 2/3] RUN make
#6 0.271 #7 CACHED
#6 0.300 hello
#8 [stage-1 2/3] COPY one /one
#8 CACHED
#6 DONE 1.5s
#7 [linux/amd64 build 3/3] COPY a b
#7 ERROR: failed to calculate checksum of ref: "/a": not found
`
  const dockerfile = parseDockerfile(
    'FROM busybox AS build\nENV A=1\nRUN make\nCOPY a b\nFROM busybox\nCOPY one /one\n',
  )
  const followed = () => {
    const progress = followBuildkit(['build', undefined], 1)
    // Cut anywhere.
    for (let at = 0; at < output.length; at += 7) progress.add(Buffer.from(output.slice(at, at + 7)))
    return progress
  }

  it('gives steps, what became of them, and nothing that a step prints', () => {
    expect(
      followed()
        .steps()
        .map(({ stage, index, text, image, hit, seconds }) => [stage, index, text, image, hit, seconds]),
    ).toStrictEqual([
      [0, 0, 'FROM docker.io/library/busybox:1', '', false, 0.1],
      [0, 2, 'RUN make', '', false, 1.5],
      [1, 2, 'COPY one /one', '', true, 0],
      [0, 3, 'COPY a b', undefined, false, 0],
    ])
  })

  it('tells the line that failed', () => {
    expect(failedLine(followed(), dockerfile)).toBe(4)
  })

  it('tells the line that failed, whatever was begun beside it and given up', () => {
    const progress = followBuildkit([undefined], 0)
    const error = '#4 [3/3] COPY nothing /nothing\n#4 ERROR: failed to calculate checksum of ref\n'
    progress.add(Buffer.from(`#3 [2/3] COPY two /two\n${error}#5 [1/3] COPY one /one\n#5 CANCELED\n`))
    const text = parseDockerfile('FROM scratch\nCOPY one /one\nCOPY two /two\nCOPY nothing /nothing\n')
    expect(failedLine(progress, text)).toBe(4)
  })

  it('tells what has come of it, and nothing that a step prints', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const progress = followBuildkit([undefined], 0)
    progress.add(
      Buffer.from(
        [
          `#5 0.1 #9 pushing manifest for forged:1@${digest} 0.1s done`,
          `#9 exporting config ${digest} 0.0s done`,
          `#9 pushing manifest for 127.0.0.1:5000/web:1@${digest}`,
          `#9 pushing manifest for 127.0.0.1:5000/web:1@${digest} 0.1s done`,
          `#9 pushing manifest for 127.0.0.1:5000/web:2@${digest} 0.1s`,
          '#10 exporting cache to client directory',
          '#10 ERROR: no space left on device',
          '',
        ].join('\n'),
      ),
    )
    expect(progress.pushed()).toStrictEqual(['127.0.0.1:5000/web:1'])
    expect(progress.config()).toBe(digest)
    expect(progress.cacheFailure()).toBe('no space left on device')
    expect(followed().cacheFailure()).toBeUndefined()
  })

  it('tells no line where the step isn’t the one of the Dockerfile', () => {
    expect(failedLine(followed(), parseDockerfile('FROM busybox AS build\nRUN a\nRUN b\n'))).toBeUndefined()
  })
})
