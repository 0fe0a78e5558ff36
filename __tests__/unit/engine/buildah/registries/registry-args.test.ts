import { describe, expect, it } from '@jest/globals'
import {
  compressionArgs,
  loginArgs,
  pullArgs,
  pushArgs,
} from '../../../../../src/engine/buildah/registries/registry-args.js'
import { parseReference } from '../../../../../src/metadata/reference.js'
import { chroot, files, folder, root, setup } from '../setup.js'

describe('loginArgs', () => {
  it.each([
    ['ghcr.io', [], []],
    ['ghcr.io', ['localhost:5000'], []],
    ['localhost:5000', ['localhost:5000'], ['--tls-verify=false']],
    ['localhost:5000/acme', ['localhost:5000'], ['--tls-verify=false']],
    // exactly this host, no other that begins or ends like it
    ['localhost:50001', ['localhost:5000'], []],
  ])('%s with %j insecure', (registry, insecure, tls) => {
    expect(loginArgs(registry, 'me', '/temp/rib-1/auth.json', insecure)).toStrictEqual([
      'login',
      ...['--authfile', '/temp/rib-1/auth.json'],
      ...['--username', 'me', '--password-stdin'],
      ...tls,
      registry,
    ])
  })
})

describe('pullArgs', () => {
  it.each([
    [false, 'ifnewer'],
    [true, 'always'],
  ])('pulls with the login, always: %s', (always, policy) => {
    const given = { ...setup, files: { ...files, policy: '/policy.json', dropInFolder: '/drop-ins' } }
    expect(pullArgs({ name: 'alpine:3', platform: undefined }, always, given)).toStrictEqual([
      ...['--root', '/cache/root', '--runroot', '/temp/rib-1/run', '--storage-driver', 'overlay'],
      ...['--registries-conf-dir', '/drop-ins', 'pull', '--quiet', '--policy', policy],
      ...['--authfile', '/temp/rib-1/auth.json', '--signature-policy', '/policy.json', 'alpine:3'],
    ])
  })

  it('pulls for the platform that FROM names', () => {
    expect(pullArgs({ name: 'alpine:3', platform: 'linux/arm64' }, false, setup).slice(-3)).toStrictEqual([
      ...['--platform', 'linux/arm64'],
      'alpine:3',
    ])
  })
})

describe('compressionArgs', () => {
  it.each([
    [undefined, []],
    [{ format: 'gzip', level: undefined, force: false }, ['--compression-format', 'gzip', '--force-compression=false']],
    [
      { format: 'zstd:chunked', level: 3, force: true },
      ['--compression-format', 'zstd:chunked', '--compression-level', '3', '--force-compression=true'],
    ],
  ] as const)('%j', (compression, expected) => {
    expect(compressionArgs({ compression })).toStrictEqual(expected)
  })
})

describe('pushArgs', () => {
  const storage = ['--root', '/cache/root', '--runroot', '/temp/rib-1/run', '--storage-driver', 'overlay']
  const id = `sha256:${'ab'.repeat(32)}`
  const digestFile = '/temp/rib-1/out/x.digest'
  const to = (name: string) => ({
    reference: parseReference(name),
    auth: '/temp/rib-1/auth.json',
    insecure: ['localhost:5000'],
  })

  it('an OCI image to a registry with TLS, under the machine’s own policy', () => {
    const files = { auth: '/no/other.json', policy: undefined, dropInFolder: undefined }
    const push = { folder, mode: chroot, root, files }
    const image = { id, format: 'oci' as const, references: [] }
    expect(pushArgs(image, to('acme/web:1.2'), digestFile, push)).toStrictEqual([
      ...storage,
      'push',
      ...['--authfile', '/temp/rib-1/auth.json', '--format', 'oci', '--digestfile', digestFile],
      id,
      'docker://docker.io/acme/web:1.2',
    ])
  })

  it('a Docker image to a registry without TLS, under a policy of ours', () => {
    const files = { auth: '/no/other.json', policy: '/temp/rib-1/policy.json', dropInFolder: undefined }
    const push = { folder, mode: chroot, root, files }
    const image = { id, format: 'docker' as const, references: [] }
    expect(pushArgs(image, to('localhost:5000/acme/web:1'), digestFile, push)).toStrictEqual([
      ...storage,
      'push',
      ...['--authfile', '/temp/rib-1/auth.json', '--format', 'v2s2', '--digestfile', digestFile],
      '--tls-verify=false',
      ...['--signature-policy', '/temp/rib-1/policy.json'],
      id,
      'docker://localhost:5000/acme/web:1',
    ])
  })
})
