import { describe, expect, it } from '@jest/globals'
import { runtimeFlaw } from '../../../../../src/engine/buildah/find/preflight.js'

describe('runtimeFlaw', () => {
  const hosted = { cgroups: 'v2', slirp4netns: true, pasta: false, tun: true } as const
  const noHelper = '/usr/bin/crun without slirp4netns or pasta has no network for RUN steps'
  const noTun = "/usr/bin/crun has no network for RUN steps: /dev/net/tun can't be opened"
  const hybrid = "/usr/bin/crun doesn't support hybrid cgroups v1 and v2"

  it.each([
    ['on a hosted runner', '/usr/bin/crun', 'default', hosted, 1001, undefined],
    ['without a network helper', '/usr/bin/crun', 'default', { ...hosted, slirp4netns: false }, 1001, noHelper],
    ['where no tun device may be opened', '/usr/bin/crun', 'default', { ...hosted, tun: false }, 1001, noTun],
    ['the same with network: none', '/usr/bin/crun', 'none', { ...hosted, tun: false }, 1001, undefined],
    ['the same with network: host', '/usr/bin/crun', 'host', { ...hosted, slirp4netns: false }, 1001, undefined],
    ['the same as root', '/usr/bin/crun', 'default', { ...hosted, tun: false }, 0, undefined],
    ['crun with both cgroup versions', '/usr/bin/crun', 'none', { ...hosted, cgroups: 'hybrid' }, 0, hybrid],
    ['runc with both cgroup versions', '/usr/sbin/runc', 'default', { ...hosted, cgroups: 'hybrid' }, 1001, undefined],
  ] as const)('%s', (_, runtime, network, host, uid, expected) => {
    expect(runtimeFlaw(runtime, { network }, host, { uid, version: '1.43.2' })).toBe(expected)
  })

  it.each([
    ['1.43.2', { slirp4netns: true, pasta: false }, true],
    ['1.45.0', { slirp4netns: true, pasta: false }, false],
    ['1.45.0', { slirp4netns: false, pasta: true }, true],
  ])('Buildah %s with %j: network %s', (version, helpers, expected) => {
    const flaw = runtimeFlaw('/usr/bin/runc', { network: 'default' }, { ...hosted, ...helpers }, { uid: 1001, version })
    expect(flaw === undefined).toBe(expected)
  })
})
