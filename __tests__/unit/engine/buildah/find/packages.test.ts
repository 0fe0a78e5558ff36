import { describe, expect, it } from '@jest/globals'
import { packageCommands } from '../../../../../src/engine/buildah/find/packages.js'

describe('packageCommands', () => {
  it.each([
    [
      '/usr/bin/apt-get',
      [
        [...['env', 'DEBIAN_FRONTEND=noninteractive', '/usr/bin/apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0'], 'update'],
        [
          ...['env', 'DEBIAN_FRONTEND=noninteractive', '/usr/bin/apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0'],
          ...['install', '--yes', 'buildah', 'uidmap', 'slirp4netns', 'fuse-overlayfs', 'ca-certificates'],
        ],
      ],
    ],
    [
      '/usr/bin/dnf',
      [
        [
          ...['/usr/bin/dnf', 'install', '--assumeyes', '--quiet'],
          ...['buildah', 'shadow-utils', 'crun', 'slirp4netns', 'util-linux'],
        ],
      ],
    ],
    [
      '/sbin/apk',
      [
        [
          ...['/sbin/apk', 'add', '--quiet'],
          ...['buildah', 'shadow-uidmap', 'crun', 'slirp4netns', 'fuse-overlayfs', 'setpriv'],
        ],
      ],
    ],
    [
      '/usr/bin/zypper',
      [
        [
          ...['/usr/bin/zypper', '--non-interactive', '--quiet', 'install'],
          ...['buildah', 'shadow', 'crun', 'slirp4netns', 'fuse-overlayfs'],
        ],
      ],
    ],
  ])('%s', (manager, expected) => {
    expect(packageCommands(manager)).toStrictEqual(expected)
  })

  it('knows no other', () => {
    expect(() => packageCommands('/usr/bin/pacman')).toThrow('/usr/bin/pacman')
  })
})
