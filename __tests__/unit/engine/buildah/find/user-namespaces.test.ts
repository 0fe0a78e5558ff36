import { describe, expect, it } from '@jest/globals'
import type { Host } from '../../../../../src/engine/buildah/find/host.js'
import { explainNamespaces } from '../../../../../src/engine/buildah/find/user-namespaces.js'

/** A machine on which everything is as it should be. */
const good: Host = {
  kernel: '6.8.0',
  maxUserNamespaces: 63000,
  usernsClone: undefined,
  apparmorRestricts: false,
  seccomp: false,
  noNewPrivileges: false,
  inContainer: false,
  newuidmap: { path: '/usr/bin/newuidmap', setuid: true },
  newgidmap: { path: '/usr/bin/newgidmap', setuid: true },
  subuids: 65536,
  subgids: 65536,
  cgroups: 'v2',
  crun: '/usr/bin/crun',
  runc: undefined,
  fuseOverlayfs: undefined,
  fuse: true,
  tun: true,
  slirp4netns: true,
  pasta: true,
  netavark: undefined,
  freeBytes: 2 ** 34,
}

const ended = (exitCode: number, stderr = '', stdout = '') => ({ exitCode, stdout, stderr })
const single = '         0       1000          1\n'
const notPermitted = ended(1, 'Error during unshare(CLONE_NEWUSER): Operation not permitted\nError: parsing PID ""')
const fallback = ended(
  0,
  'time="2026-11-24T04:18:32Z" level=warning msg="newuidmap: write to uid_map failed: Operation not permitted"\n' +
    'time="2026-11-24T04:18:32Z" level=warning msg="Falling back to single mapping"\n',
  single,
)

const maker = { user: 'me', program: '/usr/local/bin/buildah' }

describe('explainNamespaces', () => {
  it.each([
    ['0 1000 1\n1 100000 65536\n', 'a range beside the own id'],
    ['         0       1000          1\n         1     100000      65536\n', 'the kernel’s own columns'],
    ['0 0 4294967295\n', 'no namespace at all, as root has it'],
  ])('%j is usable: %s', (stdout) => {
    expect(explainNamespaces(ended(0, 'some warning', stdout), good, maker)).toBeUndefined()
  })

  it.each<[string, ReturnType<typeof ended>, Partial<Host>, RegExp, RegExp]>([
    [
      'max_user_namespaces is 0',
      ended(
        1,
        'Error during unshare(CLONE_NEWUSER): No space left on device\nUser namespaces are not enabled in /proc/sys/user/max_user_namespaces.',
      ),
      { maxUserNamespaces: 0 },
      /user\.max_user_namespaces is 0/,
      /^sudo sysctl -w user\.max_user_namespaces=65536$/,
    ],
    [
      'unprivileged_userns_clone is 0',
      ended(
        1,
        'Error during unshare(CLONE_NEWUSER): Operation not permitted\nUser namespaces are not enabled in /proc/sys/kernel/unprivileged_userns_clone.',
      ),
      { usernsClone: 0 },
      /kernel\.unprivileged_userns_clone is 0/,
      /^sudo sysctl -w kernel\.unprivileged_userns_clone=1$/,
    ],
    [
      'AppArmor restricts',
      ended(1, 'Error during unshare(...): Operation not permitted'),
      { apparmorRestricts: true },
      /AppArmor/,
      /^sudo tee \/etc\/apparmor\.d\/\S+ <<'END'\n[^]*"\/usr\/local\/bin\/buildah"[^]*\nsudo apparmor_parser --replace \/etc/,
    ],
    [
      'a seccomp filter in a container',
      notPermitted,
      { seccomp: true, inContainer: true },
      /seccomp/,
      /--security-opt seccomp=unconfined/,
    ],
    [
      'a seccomp filter in a container on an AppArmor host',
      notPermitted,
      { seccomp: true, inContainer: true, apparmorRestricts: true },
      /seccomp/,
      /apparmor=unconfined/,
    ],
    [
      'a seccomp filter, and newuidmap is missing as well: the first obstacle is told',
      notPermitted,
      { seccomp: true, inContainer: true, newuidmap: undefined },
      /seccomp/,
      /seccomp=unconfined/,
    ],
    [
      'newuidmap is missing',
      ended(1, 'finding newuidmap: exec: "newuidmap": executable file not found in $PATH'),
      { newuidmap: undefined },
      /newuidmap is missing/,
      /^sudo apt-get install uidmap/,
    ],
    [
      'newgidmap is missing',
      ended(1, 'finding newgidmap: exec: "newgidmap": executable file not found in $PATH'),
      { newgidmap: undefined },
      /newgidmap is missing/,
      /^sudo apt-get install uidmap/,
    ],
    [
      'no range in /etc/subuid, which Buildah only warns of',
      ended(0, 'level=warning msg="Found no UID ranges set aside for user \\"me\\" in /etc/subuid."', single),
      { subuids: 0 },
      /\/etc\/subuid gives the user me no subordinate IDs/,
      /^sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me/,
    ],
    [
      'no range in /etc/subgid',
      ended(0, '', single),
      { subgids: 0 },
      /\/etc\/subgid gives the user me no subordinate IDs/,
      /^sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me/,
    ],
    [
      'no_new_privs',
      fallback,
      { noNewPrivileges: true, inContainer: true },
      /no_new_privs/,
      /allowPrivilegeEscalation: true/,
    ],
    [
      'newuidmap without its bit',
      fallback,
      { newuidmap: { path: '/usr/bin/newuidmap', setuid: false } },
      /\/usr\/bin\/newuidmap can't map IDs/,
      /^sudo chmod u\+s \/usr\/bin\/newuidmap .*cap_setuid/,
    ],
    [
      'newgidmap without its bit',
      fallback,
      { newgidmap: { path: '/usr/bin/newgidmap', setuid: false } },
      /\/usr\/bin\/newgidmap can't map IDs/,
      /^sudo chmod u\+s \/usr\/bin\/newgidmap .*cap_setgid/,
    ],
    [
      'setuid newuidmap in a container without privileges',
      fallback,
      { inContainer: true },
      /can't map IDs in this container \(.*write to uid_map failed/,
      /setcap cap_setuid\+ep/,
    ],
    [
      'something new',
      ended(1, 'one\ntwo\nthree\nfour'),
      {},
      /no user namespace could be created \(two; three; four\)/,
      /buildah unshare cat \/proc\/self\/uid_map/,
    ],
    ['one id only and no word about it', ended(0, '', single), {}, /no user namespace could be created/, /65536/],
    ['no output at all', ended(0), {}, /no user namespace could be created/, /65536/],
  ])('%s', (_, result, host, cause, hint) => {
    const failure = explainNamespaces(result, { ...good, ...host }, maker)
    expect(failure?.cause).toMatch(cause)
    expect(failure?.hint).toMatch(hint)
  })

  it('quotes Buildah without the times of its logger', () => {
    expect(explainNamespaces(fallback, { ...good, inContainer: true }, maker)?.cause).not.toMatch(/time=|level=/)
  })
})
