import { describe, expect, it } from '@jest/globals'
import { bindMounts, mountTable } from '../../../../../src/engine/buildah/sandbox/mounts.js'
import { parseMountInfo } from '../../../../../src/lib/mount-info.js'

const MOUNT_INFO = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:30 / /srv rw,nosuid,nodev,relatime shared:2 - tmpfs tmpfs rw
31 30 0:31 / /srv/data\\040set rw,noexec,relatime - tmpfs tmpfs rw
32 22 0:32 / /srv2 ro,relatime - tmpfs tmpfs ro
`
const points = parseMountInfo(MOUNT_INFO)

describe('parseMountInfo', () => {
  it('reads where mounts are, and their own options', () => {
    expect(points).toStrictEqual([
      { path: '/', options: ['rw', 'relatime'] },
      { path: '/srv', options: ['rw', 'nosuid', 'nodev', 'relatime'] },
      { path: '/srv/data set', options: ['rw', 'noexec', 'relatime'] },
      { path: '/srv2', options: ['ro', 'relatime'] },
    ])
  })
})

describe('bindMounts', () => {
  const shown = (path: string, writable = false) => ({ path, writable })
  const bind = (target: string, options: readonly string[], source = target) => {
    return { source, target, type: 'none', options: ['rbind', ...options] }
  }

  it('is read-only unless it is to be written to', () => {
    expect(bindMounts(shown('/usr'), '/usr', points)).toStrictEqual([bind('/usr', ['ro'])])
    expect(bindMounts(shown('/usr', true), '/usr', points)).toStrictEqual([bind('/usr', [])])
  })

  it('keeps what a user namespace can take off no mount', () => {
    expect(bindMounts(shown('/srv/web', true), '/srv/web', points)).toStrictEqual([
      bind('/srv/web', ['nosuid', 'nodev']),
    ])
    expect(bindMounts(shown('/srv2/web', true), '/srv2/web', points)).toStrictEqual([bind('/srv2/web', ['ro'])])
  })

  it('makes each mount below read-only as well', () => {
    expect(bindMounts(shown('/srv'), '/srv', points)).toStrictEqual([
      bind('/srv', ['nosuid', 'nodev', 'ro']),
      bind('/srv/data set', ['noexec', 'ro']),
    ])
    expect(bindMounts(shown('/srv', true), '/srv', points)).toHaveLength(1)
  })

  it('shows what a link leads to at the place of the link', () => {
    expect(bindMounts(shown('/etc/data'), '/srv', points)).toStrictEqual([
      bind('/etc/data', ['nosuid', 'nodev', 'ro'], '/srv'),
      bind('/etc/data/data set', ['noexec', 'ro'], '/srv/data set'),
    ])
  })
})

describe('mountTable', () => {
  it('is in the form of fstab(5), with blanks and backslashes escaped', () => {
    const mount = { source: '/a b\\c', target: '/d#e', type: 'none', options: ['rbind', 'ro'] }
    expect(mountTable([mount], ['/tmp'], '/root')).toBe(
      '/root/tmp /root/tmp none bind 0 0\n/a\\040b\\134c /root/d\\043e none rbind,ro 0 0\n',
    )
  })
})
