import { expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { debianImage } from '../harness/base-image.js'
import { describeEngines } from '../harness/describe-engines.js'
import { describeExhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(1_200_000)

const { registry, base: busybox } = await useRegistry()

/** What Dockerfiles do in RUN, and what needs rights, users, terminals, namespaces or processes there. */
const steps: readonly string[] = [
  'apt-get update -qq',
  'apt-get install -y -qq --no-install-recommends adduser sudo libcap2-bin python3-pip python3-venv npm postgresql openssh-server cron acl file xz-utils >/dev/null 2>&1',
  'useradd --create-home --shell /bin/bash one',
  'adduser --disabled-password --gecos "" two >/dev/null',
  'groupadd --gid 4000 team && usermod --append --groups team one',
  'useradd --root / --system --no-create-home three',
  'su one -c "id -un" | grep -qx one',
  'su - two -c "pwd" | grep -qx /home/two',
  'sudo -u one id -un | grep -qx one',
  'runuser -u two -- id -un | grep -qx two',
  'setpriv --reuid=one --clear-groups id -un | grep -qx one',
  'setcap cap_net_bind_service=+ep /usr/bin/python3.11 && getcap /usr/bin/python3.11 | grep -q bind_service',
  'chown --recursive one:team /home/one && chmod 4755 /usr/bin/id && stat -c %a /usr/bin/id | grep -qx 4755',
  'setfacl -m u:one:r /etc/hostname 2>/dev/null || getfacl /etc/hostname >/dev/null',
  'python3 -m venv /venv && /venv/bin/pip list --disable-pip-version-check >/dev/null && /venv/bin/python -c "import pip"',
  'mkdir /app && cd /app && npm init --yes >/dev/null && mkdir lib && cd lib && npm init --yes >/dev/null && cd .. && npm install --offline --silent ./lib && test -e node_modules/lib',
  'su postgres -c "/usr/lib/postgresql/15/bin/initdb -D /var/lib/postgresql/db >/dev/null"',
  "su postgres -c \"/usr/lib/postgresql/15/bin/pg_ctl -D /var/lib/postgresql/db -o '-k /tmp' -w start >/dev/null && psql -h /tmp -c 'select 1' >/dev/null && /usr/lib/postgresql/15/bin/pg_ctl -D /var/lib/postgresql/db -w stop >/dev/null\"",
  'ssh-keygen -q -t ed25519 -N "" -f /root/key && mkdir -p /run/sshd && /usr/sbin/sshd -t',
  'service cron start >/dev/null && service cron stop >/dev/null; crontab -l 2>&1 | grep -q "no crontab"',
  'mkdir -p /jail/bin && cp /bin/ls /jail/bin/ && for lib in $(ldd /bin/ls | grep -o "/[^ ]*"); do mkdir -p "/jail$(dirname $lib)" && cp "$lib" "/jail$lib"; done && chroot /jail /bin/ls / >/dev/null',
  'dpkg --root=/ --list >/dev/null && dpkg-deb --version >/dev/null',
  'mkfifo /tmp/pipe && (echo through >/tmp/pipe &) && grep -qx through /tmp/pipe',
  'ln -s /etc/hostname /tmp/link && ln /usr/bin/id /usr/bin/id2 && test "$(stat -c %h /usr/bin/id2)" = 2',
  'python3 -c "import pty, sys; sys.exit(pty.spawn([\'true\']))"',
  'python3 -c "import multiprocessing as m; assert m.Pool(2).map(abs, [-1, -2]) == [1, 2]"',
  'python3 -c "import socket; s = socket.socket(); s.bind((\'127.0.0.1\', 0)); s.listen()"',
  'sh -c "ulimit -n 512 && ulimit -n" | grep -qx 512',
  'test -r /proc/self/status && test -c /dev/null && echo x >/dev/null && head -c 1 /dev/urandom >/dev/null && test -w /tmp',
  'tar -cf /tmp/all.tar /etc 2>/dev/null && xz /tmp/all.tar && file /tmp/all.tar.xz | grep -q XZ',
  'touch -d 2001-01-01 /tmp/old && find /tmp -name old -not -newermt 2002-01-01 | grep -q old',
]

test('users, a chroot and a terminal work in the sandbox', async () => {
  const lines = [
    `FROM ${busybox}`,
    'RUN su -s /bin/sh -c "id -u" nobody | grep -qx 65534',
    'RUN mkdir -p /jail/bin && cp /bin/busybox /jail/bin/ && chroot /jail /bin/busybox true',
    'RUN exec 3<>/dev/ptmx && test -c /dev/pts/0',
    '',
  ]
  const inputs = { images: `${registry.host}/acme/honest`, cache: 'off', sandbox: 'require' }
  await succeed({ workspace: { Dockerfile: lines.join('\n') }, inputs: { ...inputs, 'tls-verify': 'false' } })
})

describeExhaustively('thirty things that Dockerfiles do in RUN', () => {
  describeEngines('with $name', ({ testEach, wish }) => {
    testEach('work in the sandbox as without', async () => {
      const base = await debianImage(registry.host)
      const lines = steps.map((step, index) => `RUN (${step}) </dev/null || echo "FAILED ${index}"`)
      const failures: string[][] = []
      for (const sandbox of ['require', 'off']) {
        const { inputs, ...rest } = wish()
        const { log } = await succeed({
          ...rest,
          workspace: { Dockerfile: [`FROM ${base}`, ...lines, ''].join('\n') },
          limitMilliseconds: 600_000,
          inputs: {
            ...inputs,
            ...{ images: `${registry.host}/acme/honest`, 'tls-verify': 'false', cache: 'off', sandbox },
          },
        })
        failures.push(log.match(/^FAILED \d+$/gm) ?? [])
      }
      expect(failures).toStrictEqual([[], []])
    })
  })
})
