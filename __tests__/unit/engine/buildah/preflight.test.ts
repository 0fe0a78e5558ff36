import { describe, expect, it } from '@jest/globals'
import { runtimeFlaw } from '../../../../src/engine/buildah/preflight.js'

describe('runtimeFlaw', () => {
  const hosted = { cgroups: 'v2', networkHelper: true, tun: true } as const
  const noHelper = '/usr/bin/crun without slirp4netns or pasta has no network for RUN steps'
  const noTun = "/usr/bin/crun has no network for RUN steps: /dev/net/tun can't be opened"
  const hybrid = "/usr/bin/crun can't run in the hybrid layout of cgroups v1 and v2"

  it.each([
    ['on a hosted runner', '/usr/bin/crun', 'default', hosted, 1001, undefined],
    ['without a network helper', '/usr/bin/crun', 'default', { ...hosted, networkHelper: false }, 1001, noHelper],
    ['where no tun device may be opened', '/usr/bin/crun', 'default', { ...hosted, tun: false }, 1001, noTun],
    ['the same with network: none', '/usr/bin/crun', 'none', { ...hosted, tun: false }, 1001, undefined],
    ['the same with network: host', '/usr/bin/crun', 'host', { ...hosted, networkHelper: false }, 1001, undefined],
    ['the same as root', '/usr/bin/crun', 'default', { ...hosted, tun: false }, 0, undefined],
    ['crun with both cgroup versions', '/usr/bin/crun', 'none', { ...hosted, cgroups: 'hybrid' }, 0, hybrid],
    ['runc with both cgroup versions', '/usr/sbin/runc', 'default', { ...hosted, cgroups: 'hybrid' }, 1001, undefined],
  ] as const)('%s', (_, runtime, network, host, uid, expected) => {
    expect(runtimeFlaw(runtime, { network }, host, uid)).toBe(expected)
  })
})
