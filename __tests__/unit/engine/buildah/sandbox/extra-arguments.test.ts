import { describe, expect, it } from '@jest/globals'
import { UserError } from '../../../../../src/errors.js'
import { pathsInArguments } from '../../../../../src/engine/buildah/sandbox/extra-arguments.js'

const read = (path: string) => ({ path, writable: false, isMade: false })
const written = (path: string) => ({ path, writable: true, isMade: false })
const made = (path: string) => ({ path, writable: true, isMade: true })

describe('pathsInArguments', () => {
  it.each([
    [['--volume=/data:/data'], [written('/data')]],
    [['--volume', '/data:/data:ro,z'], [read('/data')]],
    [['-v', '/data:/data:O'], [read('/data')]],
    [['--volume=named:/data'], []],
    [['--device=/dev/kvm:/dev/kvm:rwm'], [written('/dev/kvm')]],
    [['--build-context=lib=/srv/lib'], [read('/srv/lib')]],
    [['--build-context', 'lib=docker-image://alpine'], []],
    [['--secret=id=key,src=/home/me/key'], [read('/home/me/key')]],
    [['--ssh=default=/home/me/.ssh/one,/home/me/.ssh/two'], [read('/home/me/.ssh/one'), read('/home/me/.ssh/two')]],
    [['--security-opt=seccomp=/etc/profile.json'], [read('/etc/profile.json')]],
    [['--security-opt=label=disable'], []],
    [['--decryption-key', '/home/me/key.pem:passphrase'], [read('/home/me/key.pem')]],
    [['--network=ns:/run/netns/one'], [read('/run/netns/one')]],
    [['--network', 'host'], []],
    [['--iidfile', '/srv/out/id'], [made('/srv/out/id')]],
    [['--output=type=tar,dest=/srv/out/rootfs.tar'], [made('/srv/out/rootfs.tar')]],
    [['-o', '/srv/out/rootfs'], [made('/srv/out/rootfs')]],
    [['--squash', '--memory', '2g', '--label=path=/usr', '--env', 'A=/b'], []],
    [['--cpp-flag=-I/usr/include'], []],
  ])('%j', (args, expected) => {
    expect(pathsInArguments(args)).toStrictEqual(expected)
  })

  it.each([[['--new-flag=/etc/thing']], [['--new-flag', './thing']], [['--new-flag=~/thing']]])(
    'refuses a path behind a flag that is not known: %j',
    (args) => {
      expect(() => pathsInArguments(args)).toThrow(UserError)
      expect(() => pathsInArguments(args)).toThrow(/"--new-flag.*has a path/)
    },
  )
})
