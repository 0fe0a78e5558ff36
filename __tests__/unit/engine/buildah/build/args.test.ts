import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { buildArgs } from '../../../../../src/engine/buildah/build/args.js'
import { pullsItself } from '../../../../../src/engine/buildah/build/reuse-args.js'
import type { BuildPaths } from '../../../../../src/engine/buildah/build/build-paths.js'
import { plannedPaths } from '../../../../../src/engine/buildah/build/build-files.js'
import type { BuildRequest } from '../../../../../src/engine/engine.js'
import { absoluteKeys } from '../../../../../src/engine/input-paths.js'
import { modeArgs, networkArgs, type ExecutionMode } from '../../../../../src/engine/buildah/find/probe.js'
import { nativePlatform } from '../../../../../src/lib/platform.js'
import { parseReference } from '../../../../../src/metadata/reference.js'
import { inputsOf } from '../../../helpers.js'
import { files, setup, version } from '../setup.js'

const paths: BuildPaths = {
  rootfs: undefined,
  file: '/workspace/Dockerfile',
  contexts: [],
  secrets: [],
  ssh: [],
  ignore: undefined,
}
const smallest: BuildRequest = {
  inputs: inputsOf({}),
  source: {
    context: '/workspace',
    file: '/workspace/Dockerfile',
    dockerfile: parseDockerfile('FROM scratch'),
    target: undefined,
  },
  format: 'oci',
  references: [],
  images: [],
  labels: [],
  annotations: [],
  cache: { read: true, write: true },
  onSteps: () => undefined,
}

const twice = (platform: string) => ({ name: 'docker.io/library/alpine', platform })

describe('buildArgs', () => {
  it.each([
    ['/home/me/a,b/Dockerfile', '"/home/me/a,b/Dockerfile"'],
    ['/home/me/a"b/Dockerfile', '"/home/me/a""b/Dockerfile"'],
    ['/home/me/a b/Dockerfile', '/home/me/a b/Dockerfile'],
  ])('a Dockerfile %s, which Buildah would split', (file, written) => {
    const args = buildArgs(smallest, setup, { ...paths, file })
    expect(args[args.indexOf('--file') + 1]).toBe(written)
  })

  it.each([
    ['1.40.0', true, ['--timestamp', '9']],
    ['1.41.0', true, ['--source-date-epoch', '9', '--rewrite-timestamp']],
    ['1.41.0', false, ['--timestamp', '9']],
  ])('the time of an image by Buildah %s, SOURCE_DATE_EPOCH declared: %s', (version, isDeclared, expected) => {
    const inputs = inputsOf({ timestamp: '9', 'build-args': isDeclared ? 'SOURCE_DATE_EPOCH=9' : '' })
    const args = buildArgs({ ...smallest, inputs }, { ...setup, buildah: { ...setup.buildah, version } }, paths)
    expect(args).toStrictEqual(expect.arrayContaining(expected))
  })

  it.each([
    ['overlay', 'overlay.imagestore=/other/root'],
    ['fuse-overlayfs', 'overlay.imagestore=/other/root'],
    ['vfs', 'vfs.imagestore=/other/root'],
  ] as const)('takes stages that are built already out of another storage, with %s', (driver, option) => {
    const id = 'e'.repeat(64)
    const built = { root: '/other/root', images: [{ stage: 0, calledAs: ['build', '0'], id: `sha256:${id}` }] }
    const args = buildArgs({ ...smallest, built }, { ...setup, mode: { ...setup.mode, driver } }, paths)
    expect(args.slice(0, args.indexOf('build')).slice(-2)).toStrictEqual(['--storage-opt', option])
    const contexts = args.filter((_, index) => args[index - 1] === '--build-context')
    expect(contexts).toStrictEqual([`build=container-image://${id}`, `0=container-image://${id}`])
  })

  it.each([
    ['FROM a AS for-s390x\nFROM for-$TARGETARCH', '', ['TARGETARCH=s390x']],
    ['ARG TARGETARCH\nFROM a AS for-s390x\nFROM for-${TARGETARCH} AS b', '', ['TARGETARCH=s390x']],
    ['FROM a\nFROM $TARGETOS-$TARGETARCH', '', ['TARGETOS=linux', 'TARGETARCH=s390x']],
    // What is given, or written, counts.
    ['FROM a\nFROM for-$TARGETARCH', 'TARGETARCH=x', ['TARGETARCH=x']],
    ['ARG TARGETARCH=x\nFROM for-$TARGETARCH', '', ['TARGETARCH=x']],
    ['ARG TAG=1\nFROM a:$TAG\nARG TARGETARCH\nCOPY $TARGETARCH /', '', []],
  ])('names the stage of another platform for Buildah 1.45.0: %j', (text, given, expected) => {
    const build = (platforms: string, number: string) => {
      const inputs = inputsOf({ platforms, 'build-args': given })
      const source = { ...smallest.source, dockerfile: parseDockerfile(text) }
      const args = buildArgs({ ...smallest, inputs, source }, { ...setup, buildah: version(number) }, paths)
      return args.filter((_, index) => args[index - 1] === '--build-arg')
    }
    expect(build('linux/s390x', '1.45.0')).toStrictEqual(expected)
    const asGiven = given === '' ? [] : [given]
    expect(build('', '1.45.0')).toStrictEqual(asGiven)
    expect(build('linux/s390x', '1.43.2')).toStrictEqual(asGiven)
  })

  it.each([
    ['1.28.2', [`TARGETARCH=${nativePlatform().architecture}`]],
    ['1.37.0', []],
  ])('names the stage of the machine itself for Buildah %s', (number, expected) => {
    const inputs = inputsOf({})
    const source = { ...smallest.source, dockerfile: parseDockerfile('ARG TARGETARCH\nFROM for-$TARGETARCH') }
    const args = buildArgs({ ...smallest, inputs, source }, { ...setup, buildah: version(number) }, paths)
    expect(args.filter((_, index) => args[index - 1] === '--build-arg')).toStrictEqual(expected)
  })

  it('the smallest build', () => {
    expect(buildArgs(smallest, setup, paths)).toStrictEqual([
      // where the layers lie
      ...['--root', '/cache/root', '--runroot', '/temp/rib-1/run', '--storage-driver', 'overlay'],
      'build',
      // what
      ...['--file', '/workspace/Dockerfile'],
      ...['--layers', '--format', 'oci'],
      // what it needs is pulled before, with the login
      '--pull=never',
      // how
      ...['--isolation', 'chroot'],
      ...['--cni-config-dir', '/temp/rib-1/data'],
      '/workspace',
    ])
  })

  it.each([
    ['1.23.1', '--pull-never'],
    ['1.27.9', '--pull-never'],
    ['1.28.0', '--pull=never'],
    ['1.43.2', '--pull=never'],
  ])('pulls nothing, Buildah %s', (number, expected) => {
    const args = buildArgs(smallest, { ...setup, buildah: version(number) }, paths)
    expect(args.filter((arg) => arg.startsWith('--pull'))).toStrictEqual([expected])
  })

  it('everything that can be set', () => {
    const inputs = inputsOf({
      target: 'final',
      'build-args': 'A=x, y="z"\n"B=first\nsecond"\nFROM_ENV\nEMPTY=',
      'build-contexts':
        'lib=../lib\nabs=/srv/abs\nbase=docker-image://alpine:3.20\ngit=https://host/r.git#main:sub\nscp=git@host:acme/r.git',
      secrets: 'token=hunter2',
      ssh: 'default\ngit=keys/id\nabs=/keys/id',
      network: 'none',
      'add-hosts': 'db:10.0.0.2\nsix:[::1]',
      'shm-size': '256m',
      ulimit: 'nofile=1024:2048\nnproc=3',
      pull: 'true',
      'no-cache': 'true',
      outputs: 'type=oci,dest=image.tar\ntype=local,dest=files\ntype=tar,dest=files.tar',
      'extra-args': '--cap-add=NET_ADMIN\n--env=X=a b',
    })
    const request: BuildRequest = {
      ...smallest,
      inputs,
      source: { ...smallest.source, context: '/workspace/my app', file: '/workspace/docker/File', target: 'Final' },
      format: 'docker',
      references: [parseReference('acme/web:1.2'), parseReference('localhost:5000/acme/web')],
      labels: [
        { name: 'a', value: '1, "2" $A' },
        { name: 'b', value: 'first\nsecond' },
        { name: 'c', value: '' },
      ],
      annotations: [
        { name: 'd', value: '4' },
        { name: 'e', value: '5=6' },
      ],
      images: [twice('linux/amd64'), twice('linux/arm64')],
    }
    const mode: ExecutionMode = {
      driver: 'fuse-overlayfs',
      fuseOverlayfs: '/usr/bin/fuse-overlayfs',
      isolation: 'rootless',
      runtime: '/usr/bin/crun',
      network: 'none',
    }
    const withPolicy = { ...files, policy: '/temp/rib-1/policy.json' }
    const more: BuildPaths = {
      ...paths,
      rootfs: '/temp/rib-1/out/rootfs.tar',
      ssh: inputs.ssh.map((entry) => absoluteKeys(entry, '/workspace')),
      contexts: inputs.buildContexts,
      secrets: [{ id: 'token', path: '/temp/rib-1/secrets/0' }],
      file: '/workspace/docker/File',
      ignore: '/temp/rib-1/ignore',
    }
    expect(buildArgs(request, { ...setup, mode, files: withPolicy }, more)).toStrictEqual([
      // where the layers lie
      ...['--root', '/cache/root', '--runroot', '/temp/rib-1/run'],
      ...['--storage-driver', 'overlay', '--storage-opt', 'overlay.mount_program=/usr/bin/fuse-overlayfs'],
      'build',
      // what
      ...['--file', '/workspace/docker/File', '--ignorefile', '/temp/rib-1/ignore'],
      ...['--target', 'Final'],
      ...['--build-arg', 'A=x, y="z"'],
      ...['--build-arg', 'B=first\nsecond'],
      ...['--build-arg', 'FROM_ENV'],
      ...['--build-arg', 'EMPTY='],
      ...['--build-context', 'lib=/lib'],
      ...['--build-context', 'abs=/srv/abs'],
      ...['--build-context', 'base=docker-image://alpine:3.20'],
      ...['--build-context', 'git=https://host/r.git#main:sub'],
      ...['--build-context', 'scp=git@host:acme/r.git'],
      ...['--layers', '--format', 'docker'],
      // what may be used
      '--pull-always',
      '--no-cache',
      ...['--authfile', '/temp/rib-1/auth.json'],
      ...['--signature-policy', '/temp/rib-1/policy.json'],
      // the result
      ...['--label', 'a=1, "2" $A'],
      ...['--label', 'b=first\nsecond'],
      ...['--label', 'c='],
      ...['--annotation', 'd=4'],
      ...['--annotation', 'e=5=6'],
      ...['--tag', 'docker.io/acme/web:1.2'],
      ...['--tag', 'localhost:5000/acme/web'],
      ...['--output', 'type=tar,dest=/temp/rib-1/out/rootfs.tar'],
      // how
      ...['--secret', 'id=token,src=/temp/rib-1/secrets/0'],
      ...['--ssh', 'default'],
      ...['--ssh', 'git=/workspace/keys/id'],
      ...['--ssh', 'abs=/keys/id'],
      ...['--isolation', 'rootless', '--runtime', '/usr/bin/crun', '--network', 'none'],
      ...['--cni-config-dir', '/temp/rib-1/data'],
      ...['--add-host', 'db:10.0.0.2'],
      ...['--add-host', 'six:::1'],
      ...['--shm-size', '256m'],
      ...['--ulimit', 'nofile=1024:2048'],
      ...['--ulimit', 'nproc=3'],
      '--cap-add=NET_ADMIN',
      '--env=X=a b',
      '/workspace/my app',
    ])
  })

  it.each([
    ['oci', 'type=oci,dest=image.tar'],
    ['docker', 'type=docker,dest=image.tar'],
  ])('asks for no files of the image where only an archive of type %s is wanted', (_, outputs) => {
    const request = { ...smallest, inputs: inputsOf({ outputs }) }
    expect(buildArgs(request, setup, plannedPaths(request, setup))).not.toContain('--output')
  })

  it('makes every key of an SSH id absolute', () => {
    expect(absoluteKeys({ id: 'git', paths: ['keys/a', '/keys/b', 'c=d'] }, '/workspace')).toStrictEqual({
      id: 'git',
      paths: ['/workspace/keys/a', '/keys/b', '/workspace/c=d'],
    })
  })

  it.each([
    ['1.29.9', ['a=$HOME and ${X:-y}, $$', 'b$=c']],
    // From here on Buildah expands variables in a label: each $ is so written that it expands to itself.
    ['1.30.0', ['a=${__:-$}HOME and ${__:-$}{X:-y}, ${__:-$}${__:-$}', 'b$=c']],
    ['1.43.2', ['a=${__:-$}HOME and ${__:-$}{X:-y}, ${__:-$}${__:-$}', 'b$=c']],
  ])('labels that hold variables, for Buildah %s', (number, expected) => {
    const labels = [
      { name: 'a', value: '$HOME and ${X:-y}, $$' },
      { name: 'b$', value: 'c' },
    ]
    const args = buildArgs({ ...smallest, labels }, { ...setup, buildah: version(number) }, paths)
    expect(args.filter((_, index) => args[index - 1] === '--label')).toStrictEqual(expected)
  })

  it.each([
    // Up to here Buildah asks the registry by itself, and doesn't know the word.
    ['1.36.9', false, []],
    ['1.37.0', false, ['--pull=newer']],
    ['1.43.2', false, ['--pull=newer']],
    ['1.36.9', true, ['--pull-always']],
    ['1.43.2', true, ['--pull-always']],
  ])(
    'a build that needs one image for two platforms pulls by itself, Buildah %s with pull: %s',
    (number, pull, expected) => {
      const inputs = inputsOf({ pull: String(pull) })
      const images = [twice('linux/amd64'), twice('linux/arm64')]
      const args = buildArgs({ ...smallest, inputs, images }, { ...setup, buildah: version(number) }, paths)
      expect(args.filter((arg) => arg.startsWith('--pull'))).toStrictEqual(expected)
    },
  )

  // With it, Buildah doesn't print the images of the steps that it ran.
  it.each(['1.23.0', '1.43.2'])('asks for no file with the id, for Buildah %s', (number) => {
    const inputs = inputsOf({ outputs: 'type=local,dest=files' })
    const args = buildArgs({ ...smallest, inputs }, { ...setup, buildah: version(number) }, paths)
    expect(args.join(' ')).not.toContain('--iidfile')
  })

  it('has no secret in it, nor a password', () => {
    const inputs = inputsOf({ secrets: 'token=hunter2', username: 'me', password: 'swordfish' })
    const secrets = [{ id: 'token', path: '/temp/rib-1/secrets/0' }]
    const args = buildArgs({ ...smallest, inputs }, setup, { ...paths, secrets })
    expect(args.join('\n')).not.toMatch(/hunter2|swordfish/)
  })
})

describe('pullsItself', () => {
  const image = (name: string, platform?: string) => ({ name, platform })

  it.each([
    ['not, where all is pulled before', { images: [image('a'), image('b', 'linux/arm64')] }, false],
    ['where one name stands for two images', { images: [image('a'), image('a', 'linux/arm64')] }, true],
  ])('%s', (_, request, expected) => {
    expect(pullsItself(request)).toBe(expected)
  })
})

describe('no-cache', () => {
  it.each([
    ['1.24.0', false],
    ['1.28.0', true],
  ])('goes with layers where Buildah %s takes both: %s', (number, both) => {
    const request = { ...smallest, inputs: inputsOf({ 'no-cache': 'true' }) }
    const args = buildArgs(request, { ...setup, buildah: version(number) }, paths)
    expect(args).toContain('--no-cache')
    expect(args.includes('--layers')).toBe(both)
  })
})

describe('modeArgs', () => {
  const mode: ExecutionMode = {
    ...{
      driver: 'overlay',
      fuseOverlayfs: undefined,
      isolation: 'rootless',
      runtime: '/usr/bin/crun',
      network: 'default',
    },
  }
  it.each<[version: string, mode: Partial<ExecutionMode>, network: string | undefined]>([
    ['1.23.1', {}, 'private'],
    ['1.23.1', { network: 'host' }, 'host'],
    ['1.23.1', { isolation: 'chroot', runtime: undefined }, undefined],
    ['1.23.1', { isolation: 'oci' }, undefined],
    ['1.28.2', {}, undefined],
    ['1.28.2', { network: 'none' }, 'none'],
  ])('of Buildah %s with %j ask for the network %s', (version, part, network) => {
    const args = modeArgs({ ...mode, ...part }, version)
    expect(args.includes('--network') ? args.at(-1) : undefined).toBe(network)
  })
})

describe('networkArgs', () => {
  it.each([
    ['1.23.0', ['--cni-config-dir', '/t/data']],
    ['1.33.7', ['--cni-config-dir', '/t/data']],
    // From here on Buildah has netavark only.
    ['1.35.0', []],
    ['1.43.2', []],
  ])('for Buildah %s', (number, expected) => {
    expect(networkArgs('/t', number)).toStrictEqual(expected)
  })
})
