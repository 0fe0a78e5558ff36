import { describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { type Inputs, parseInputs } from '../../../src/runner/inputs.js'
import { everythingOf, inputsOf, reader, refusal } from '../helpers.js'

describe('inputs that are not set', () => {
  it('have their defaults', () => {
    expect(parseInputs(reader({}), {})).toStrictEqual({
      context: '.',
      file: undefined,
      target: undefined,
      platforms: [],
      buildArgs: [],
      buildContexts: [],
      secrets: [],
      ssh: [],
      githubToken: undefined,
      network: 'default',
      addHosts: [],
      shmSize: undefined,
      ulimit: [],
      jobs: undefined,
      pull: false,
      noCache: false,
      labels: [],
      annotations: [],
      format: 'auto',
      checks: 'warn',
      extraArgs: [],
      images: [],
      tags: [],
      flavor: [],
      dryRun: false,
      push: false,
      registry: undefined,
      login: undefined,
      registryAuth: [],
      registryMirrors: [],
      tlsVerify: true,
      load: false,
      outputs: [],
      engine: 'auto',
      buildahVersion: undefined,
      buildahManifest: undefined,
      storageDriver: 'auto',
      isolation: 'auto',
      emulation: 'auto',
      builder: undefined,
      sandbox: 'auto',
      rootless: 'prefer',
      rootlessUser: undefined,
      cache: {
        kind: 'auto',
        directory: undefined,
        scope: undefined,
        maxBytes: 2_147_483_648,
        read: true,
        write: 'auto',
        ttlMs: 604_800_000,
        deadlineMs: 120_000,
        mounts: false,
        mode: 'max',
        from: [],
        to: undefined,
        insecure: [],
        notes: [],
      },
      tests: [],
      timestamp: undefined,
      compression: undefined,
      testTimeoutMs: 300_000,
      unchanged: 'skip',
      skeletons: 'auto',
      ...{ provenance: undefined, sbom: undefined, attest: 'false' },
      ...{ distribute: false, digests: [], byDigest: false, artifacts: false },
      summary: true,
      notes: [],
      warnings: [],
    } satisfies Inputs)
  })

  it('are the same as inputs of white space only', () => {
    expect(parseInputs(() => ' \n ', {})).toStrictEqual(parseInputs(() => '', {}))
  })
})

type Row = readonly [name: string, text: string, key: keyof Inputs, expected: unknown]

const args = (...lines: readonly string[]) =>
  lines.map((line) => {
    const [name = '', value] = line.split(/=(.*)/s)
    return { name, value }
  })
const agent = { id: 'default', paths: [] }

const accepted: readonly Row[] = [
  ['context', ' ./my app\n', 'context', './my app'],
  ['context', 'https://host/acme/web.git#v1:sub', 'context', 'https://host/acme/web.git#v1:sub'],
  ['file', 'docker/Dockerfile.prod', 'file', 'docker/Dockerfile.prod'],
  ['target', ' Final ', 'target', 'Final'],
  // build arguments
  ['build-args', 'A=1\r\nB=2\r\n', 'buildArgs', args('A=1', 'B=2')],
  ['build-args', 'A=b=c==', 'buildArgs', args('A=b=c==')],
  ['build-args', 'A=x,y,z', 'buildArgs', args('A=x,y,z')],
  ['build-args', 'A={"a":"b","c":[1,2]}', 'buildArgs', args('A={"a":"b","c":[1,2]}')],
  ['build-args', 'A=say "hi"', 'buildArgs', args('A=say "hi"')],
  ['build-args', "A='single'", 'buildArgs', args("A='single'")],
  ['build-args', '"A=first\nsecond, third"', 'buildArgs', args('A=first\nsecond, third')],
  ['build-args', '"A=say ""hi"""\nB=2', 'buildArgs', args('A=say "hi"', 'B=2')],
  ['build-args', 'A', 'buildArgs', args('A')],
  ['build-args', 'A=', 'buildArgs', args('A=')],
  ['build-args', '_a9=$(id) `id` ${X}', 'buildArgs', args('_a9=$(id) `id` ${X}')],
  ['build-args', 'npm.registry-url=x\nA-B=1', 'buildArgs', args('npm.registry-url=x', 'A-B=1')],
  ['build-args', '# A=1\nB=2\n  #C=3\nD=#4', 'buildArgs', args('B=2', 'D=#4')],
  ['build-args', 'x=--privileged', 'buildArgs', args('x=--privileged')],
  // further contexts
  [
    'build-contexts',
    'lib=../lib\nbase=docker-image://alpine:3.20\ngit=https://host/r.git#main',
    'buildContexts',
    [
      { name: 'lib', value: '../lib' },
      { name: 'base', value: 'docker-image://alpine:3.20' },
      { name: 'git', value: 'https://host/r.git#main' },
    ],
  ],
  // RUN steps
  ['ssh', 'default', 'ssh', [agent]],
  ['ssh', 'default,git=/keys/id', 'ssh', [agent, { id: 'git', paths: ['/keys/id'] }]],
  ['ssh', 'default\ngit=keys/id', 'ssh', [agent, { id: 'git', paths: ['keys/id'] }]],
  ['network', 'none', 'network', 'none'],
  ['network', 'host', 'network', 'host'],
  ['add-hosts', 'db:10.0.0.2\nweb.local:10.0.0.3', 'addHosts', ['db:10.0.0.2', 'web.local:10.0.0.3']],
  ['add-hosts', 'db:10.0.0.2,web:10.0.0.3', 'addHosts', ['db:10.0.0.2', 'web:10.0.0.3']],
  ['add-hosts', 'db=10.0.0.2', 'addHosts', ['db:10.0.0.2']],
  ['add-hosts', 'six:::1\nlong:[2001:db8::1]', 'addHosts', ['six:::1', 'long:2001:db8::1']],
  ['shm-size', '64', 'shmSize', '64'],
  ['shm-size', '256m', 'shmSize', '256m'],
  ['shm-size', ' 2G ', 'shmSize', '2G'],
  ['shm-size', '512K', 'shmSize', '512K'],
  ['shm-size', '1b', 'shmSize', '1b'],
  ['ulimit', 'nofile=1024:2048\nnproc=3', 'ulimit', ['nofile=1024:2048', 'nproc=3']],
  ['ulimit', 'memlock=-1:-1', 'ulimit', ['memlock=-1:-1']],
  ['jobs', ' 3 ', 'jobs', 3],
  ['jobs', 'auto', 'jobs', undefined],
  [
    'test',
    'web --version\n# not this\n sh -c \'test -f "/a b"\' \r\n',
    'tests',
    [
      { text: 'web --version', words: ['web', '--version'] },
      { text: 'sh -c \'test -f "/a b"\'', words: ['sh', '-c', 'test -f "/a b"'] },
    ],
  ],
  ['compression', 'zstd', 'compression', { format: 'zstd', level: undefined, force: false }],
  ['compression-level', '6', 'compression', { format: 'gzip', level: 6, force: false }],
  ['force-compression', 'true', 'compression', { format: 'gzip', level: undefined, force: true }],
  ['timestamp', 'epoch', 'timestamp', { from: 'seconds', seconds: 0 }],
  ['timestamp', '1735689600', 'timestamp', { from: 'seconds', seconds: 1_735_689_600 }],
  ['timestamp', 'commit', 'timestamp', { from: 'commit', seconds: undefined }],
  ['test-timeout', '90s', 'testTimeoutMs', 90_000],
  ['pull', 'true', 'pull', true],
  ['pull', 'False', 'pull', false],
  ['no-cache', 'TRUE', 'noCache', true],
  // the result
  [
    'labels',
    'a=1\norg.opencontainers.image.title=Web, the best\nempty=\nhash=#1 "x"',
    'labels',
    ['a=1', 'org.opencontainers.image.title=Web, the best', 'empty=', 'hash=#1 "x"'],
  ],
  ['labels', '"notice=first\nsecond ""x"""', 'labels', ['notice=first\nsecond "x"']],
  ['annotations', 'a=1\nmanifest:b=1:2', 'annotations', ['a=1', 'manifest:b=1:2']],
  ['format', 'oci', 'format', 'oci'],
  ['format', 'docker', 'format', 'docker'],
  ['extra-args', '--cap-add=NET_ADMIN\n--env=A=b c, "d"\n\n', 'extraArgs', ['--cap-add=NET_ADMIN', '--env=A=b c, "d"']],
  // names and push
  ['images', 'docker.io/acme/web\nghcr.io/acme/web', 'images', ['docker.io/acme/web', 'ghcr.io/acme/web']],
  ['images', 'name=acme/web,enable=false', 'images', ['name=acme/web,enable=false']],
  ['tags', '1.2,latest\n type=sha,format=long \n', 'tags', ['1.2,latest', 'type=sha,format=long']],
  ['flavor', 'latest=auto\nprefix=a,onlatest=true', 'flavor', ['latest=auto', 'prefix=a,onlatest=true']],
  ['dry-run', 'true', 'dryRun', true],
  ['summary', 'false', 'summary', false],
  ['push', 'true', 'push', true],
  ['registry', ' ghcr.io ', 'registry', 'ghcr.io'],
  ['tls-verify', 'false', 'tlsVerify', false],
  ['load', 'true', 'load', true],
  [
    'outputs',
    'type=oci,dest=out/image.tar\n type = docker , dest = d.tar \ndest=rootfs.tar,type=tar\ntype=local,dest=./a=b\n./plain folder',
    'outputs',
    [
      { type: 'oci', dest: 'out/image.tar' },
      { type: 'docker', dest: 'd.tar' },
      { type: 'tar', dest: 'rootfs.tar' },
      { type: 'local', dest: './a=b' },
      { type: 'local', dest: './plain folder' },
    ],
  ],
  // the engine
  ['engine', 'auto', 'engine', 'auto'],
  ['engine', 'buildah', 'engine', 'buildah'],
  ['engine', 'docker', 'engine', 'docker'],
  ['buildah-version', 'auto', 'buildahVersion', undefined],
  ['buildah-version', 'bundled', 'buildahVersion', 'bundled'],
  ['buildah-version', '>=1.37', 'buildahVersion', '>=1.37'],
  ['buildah-version', '1.42.x', 'buildahVersion', '1.42.x'],
  ['buildah-version', '1.43.2', 'buildahVersion', '1.43.2'],
  ['buildah-version', '^1.39 || 1.28.2', 'buildahVersion', '^1.39 || 1.28.2'],
  ['buildah-manifest', 'https://host/manifest.json', 'buildahManifest', 'https://host/manifest.json'],
  ['storage-driver', 'overlay', 'storageDriver', 'overlay'],
  ['storage-driver', 'fuse-overlayfs', 'storageDriver', 'fuse-overlayfs'],
  ['storage-driver', 'vfs', 'storageDriver', 'vfs'],
  ['isolation', 'oci', 'isolation', 'oci'],
  ['isolation', 'rootless', 'isolation', 'rootless'],
  ['isolation', 'chroot', 'isolation', 'chroot'],
  ['rootless', 'require', 'rootless', 'require'],
  ['rootless', 'off', 'rootless', 'off'],
  ['rootless-user', 'builder', 'rootlessUser', 'builder'],
  ['builder', ' builder-5f2a ', 'builder', 'builder-5f2a'],
]

describe('accepted', () => {
  it.each(accepted)('%s: %j', (name, text, key, expected) => {
    const inputs = inputsOf({ [name]: text })
    expect(inputs[key]).toStrictEqual(expected)
    // Nothing else has changed.
    expect({ ...inputs, [key]: undefined }).toStrictEqual({ ...inputsOf({}), [key]: undefined })
  })

  it('ssh: several keys of one id stay together, as action.yml has it', () => {
    expect(inputsOf({ ssh: 'default\ngit=/keys/a,/keys/b' }).ssh).toStrictEqual([
      agent,
      { id: 'git', paths: ['/keys/a', '/keys/b'] },
    ])
  })

  it('add-hosts: host-gateway, the address that Docker and Buildah from 1.41 on look up', () => {
    expect(inputsOf({ 'add-hosts': 'host.docker.internal:host-gateway' }).addHosts).toStrictEqual([
      'host.docker.internal:host-gateway',
    ])
  })
})

type Refusal = readonly [name: string, text: string, got: string, allowed: string]

const refused: readonly Refusal[] = [
  ['network', 'bridge', 'bridge', 'default, none, host'],
  ['network', 'Host', 'Host', 'default, none, host'],
  ['format', 'v2s2', 'v2s2', 'auto, oci, docker'],
  ['engine', 'podman', 'podman', 'auto, buildah, docker'],
  ['storage-driver', 'btrfs', 'btrfs', 'auto, overlay, fuse-overlayfs, vfs'],
  ['isolation', 'none', 'none', 'auto, oci, rootless, chroot'],
  ['rootless', 'true', 'true', 'prefer, require, off'],
  ['pull', 'yes', 'yes', 'true, false'],
  ['no-cache', 'on', 'on', 'true, false'],
  ['push', '1', '1', 'true, false'],
  ['tls-verify', 'no', 'no', 'true, false'],
  ['load', 'off', 'off', 'true, false'],
  ['dry-run', 'yes', 'yes', 'true, false'],
  ['build-args', '1A=1', '1A=1', 'NAME=value'],
  ['test', "web\nsh -c 'x", "sh -c 'x", "A quote isn't closed."],
  ['test', "'' x", "'' x", 'It names no program.'],
  ['compression', 'xz', 'xz', 'gzip, zstd, zstd:chunked'],
  ['compression-level', '10', '10', 'a number from 1 to 9 for gzip'],
  ['compression-level', '0', '0', 'a number from 1 to 9 for gzip'],
  ['timestamp', 'now', 'now', 'Write `epoch`'],
  ['timestamp', '-1', '-1', 'Write `epoch`'],
  ['test-timeout', '5', '5', 'a number above zero and a unit'],
  ['test-timeout', '7h', '7h', '`6h` at most'],
  ['build-args', '=1', '=1', 'NAME=value'],
  ['build-args', '-A=1', '-A=1', 'NAME=value'],
  ['build-args', '.A=1', '.A=1', 'NAME=value'],
  ['build-args', 'A B=1', 'A B=1', 'NAME=value'],
  ['build-args', 'A=1\nsecond line', 'second line', 'NAME=value'],
  ['build-args', '--squash', '--squash', 'NAME=value'],
  ['build-args', 'Ä=1', 'Ä=1', 'NAME=value'],
  ['build-contexts', 'lib', 'lib', 'name=value'],
  ['build-contexts', 'lib=', 'lib=', 'name=value'],
  ['build-contexts', '=../lib', '=../lib', 'name=value'],
  ['build-contexts', 'lib=a\nlib=b', 'lib', 'twice'],
  ['add-hosts', 'db', 'db', 'name:address'],
  ['add-hosts', 'db:', 'db:', 'name:address'],
  ['add-hosts', ':10.0.0.2', ':10.0.0.2', 'name:address'],
  ['add-hosts', 'my db:10.0.0.2', 'my db:10.0.0.2', 'name:address'],
  ['add-hosts', 'db:10.0.0.2 # primary', 'db:10.0.0.2 # primary', 'name:address'],
  ['shm-size', '0', '0', '256m'],
  ['shm-size', '-1', '-1', '256m'],
  ['shm-size', '1.5g', '1.5g', '256m'],
  ['shm-size', '256 m', '256 m', '256m'],
  ['shm-size', '256mb', '256mb', '256m'],
  ['shm-size', 'm', 'm', '256m'],
  ...['0', '-1', '1.5', 'all', '100'].map(
    (jobs) => ['jobs', jobs, jobs, 'jobs: 2'] as [string, string, string, string],
  ),
  ['ulimit', 'nofile', 'nofile', 'nofile=1024:2048'],
  ['ulimit', 'nofile=', 'nofile=', 'nofile=1024:2048'],
  ['ulimit', 'nofile=a', 'nofile=a', 'nofile=1024:2048'],
  ['ulimit', 'nofile=1:2:3', 'nofile=1:2:3', 'nofile=1024:2048'],
  ['ulimit', 'nofile=1,nproc=2', 'nofile=1,nproc=2', 'nofile=1024:2048'],
  ['ulimit', 'RLIMIT_NOFILE=1', 'RLIMIT_NOFILE=1', 'nofile=1024:2048'],
  ['outputs', 'type=registry', 'type=registry', 'push: true'],
  ['outputs', 'type=image', 'type=image', 'leave the line out'],
  ['outputs', 'type=oci', 'type=oci', 'type=oci,dest=FILE'],
  ['outputs', 'type=oci,dest=', 'type=oci,dest=', 'type=oci,dest=FILE'],
  ['outputs', 'type=tar,dest=-', 'type=tar,dest=-', 'type=tar,dest=FILE'],
  ['outputs', '-', '-', 'type=tar,dest=FILE'],
  ['outputs', 'dest=x', 'dest=x', 'type=oci,dest=FILE'],
  ['outputs', 'type=OCI,dest=x', 'type=OCI,dest=x', 'type=oci,dest=FILE'],
  ['outputs', 'type=oci,dest=x,compression=zstd', 'type=oci,dest=x,compression=zstd', 'no other type is supported'],
  ['outputs', 'type=oci,dest=x,tar', 'type=oci,dest=x,tar', 'no other type is supported'],
  ['outputs', 'type=oci,dest=a\ntype=cacheonly', 'type=cacheonly', 'type=oci,dest=FILE'],
  ['buildah-version', 'latest', 'latest', '>=1.37'],
  ['buildah-version', 'v1.x.y.z', 'v1.x.y.z', '>=1.37'],
  ['buildah-version', '>=1.37 and <2', '>=1.37 and <2', '>=1.37'],
]

describe('refused, with the input, what it got and what is allowed', () => {
  it.each(refused)('%s: %j', (name, text, got, allowed) => {
    const error = refusal(() => inputsOf({ [name]: text }))
    expect(error.message).toContain(`Input "${name}": got ${JSON.stringify(got)}. `)
    expect(describeError(error)).toContain(allowed)
  })

  it.each([
    ['a name with a space behind it', { 'build-args': 'A =1' }, 'build-args'],
    ['an attribute that appears twice', { outputs: 'type=oci,type=tar,dest=x' }, 'outputs'],
    ['two outputs of one destination', { outputs: 'type=oci,dest=x\ntype=tar,dest=x' }, 'outputs'],
    ['an address that is none', { 'add-hosts': 'db:localhost' }, 'add-hosts'],
    ['an address out of range', { 'add-hosts': 'db:10.0.0.256' }, 'add-hosts'],
  ])('%s', (_, values, name) => {
    expect(refusal(() => inputsOf(values)).message).toContain(`Input "${name}"`)
  })

  it.each([
    ['context', 'https://ada:hunter22@host/web.git'],
    ['context', 'HTTPS://ada:hunter22@host/web.git'],
    ['build-contexts', 'lib=https://ada:hunter22@host/lib.git'],
    ['build-contexts', 'lib=HTTPS://ada:hunter22@host/lib.tar.gz\nlib=b'],
    ['build-contexts', 'lib=docker-image://ada:hunter22@host/lib:1'],
    ['build-contexts', 'https://ada:hunter22@host/lib.git'],
  ])('a password in a URL of %s, which is not shown: %s', (name, text) => {
    const error = refusal(() => inputsOf({ [name]: text }))
    expect(error.message).toContain(`Input "${name}": the URL contains a password`)
    expect(everythingOf(error)).not.toContain('hunter22')
  })

  it.each([
    ['A=first\nsecond line', 'A'],
    ['A=1\nB=first\n-second', 'B'],
    ['second line', 'NAME'],
  ])('the second line of a build argument, with how to quote it: %j', (text, name) => {
    expect(describeError(refusal(() => inputsOf({ 'build-args': text })))).toMatch(
      new RegExp(`\n?Quote a multi-line value as a whole:\nbuild-args: \\|\n  "${name}=first line\n  second line"$`),
    )
  })

  it('a second line that could be a name is told, where it names nothing', () => {
    const notesOf = (text: string) => inputsOf({ 'build-args': text }, { HOME: '/root' }).notes
    expect(notesOf('A=first\nsecond')).toStrictEqual([
      'Build argument second is not set: its line has no value, and the step has no variable of that name. If it is part of the value of A, quote that entry as a whole: "A=…".',
    ])
    expect(notesOf('A=first\nHOME')).toStrictEqual([])
    expect(notesOf('OTHER')).toStrictEqual([])
  })

  it.each([
    ['engine', 'buildah', 'write `engine: docker`'],
    ['rootless', 'require', 'only Buildah or a Docker daemon without root builds, and no builder by its name.'],
    ['rootless', 'require', 'write `rootless: prefer`'],
  ])('a builder with %s: %s', (name, text, advice) => {
    const error = refusal(() => inputsOf({ builder: 'builder-5f2a', [name]: text }))
    expect(error.message).toContain('Input "builder": got "builder-5f2a". ')
    expect(error.message).toContain(advice)
  })

  it('only the first mistake is told', () => {
    const error = refusal(() => inputsOf({ network: 'x', push: 'y', format: 'z' }))
    expect(describeError(error).match(/Input "/g)).toHaveLength(1)
  })
})
