import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import {
  type BuildahConstraint,
  misfit,
  packageCommands,
  provideBuildah,
} from '../../../../src/engine/buildah/install.js'
import type { WorkDir } from '../../../../src/engine/work-dir.js'
import { describe as describeError, type UserError } from '../../../../src/errors.js'
import { contextOf, logOf, rejection, temporaryFolder } from '../../helpers.js'

const wishOf = (changes: Partial<BuildahConstraint> = {}): BuildahConstraint => ({
  range: undefined,
  manifest: undefined,
  needs: [{ what: 'this action', since: '1.23.0' }],
  ...changes,
})
const link = { what: 'Dockerfile line 3: COPY with --link', since: '1.41.0' }
const heredoc = { what: 'Dockerfile line 5: RUN with a heredoc', since: '1.33.0' }
const never = { what: 'Dockerfile line 7: RUN with --security', since: undefined }

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

describe('misfit', () => {
  it.each([
    ['1.28.2', {}, undefined],
    ['1.22.0', {}, 'this action needs Buildah 1.23.0'],
    ['1.28.2', { range: '>=1.28' }, undefined],
    ['1.28.2', { range: '>=1.37' }, 'input "buildah-version" asks for >=1.37'],
    ['1.28.2', { range: '1.28.x' }, undefined],
    ['1.28.2', { needs: [link] }, 'Dockerfile line 3: COPY with --link needs Buildah 1.41.0'],
    [
      '1.28.2',
      { needs: [link, heredoc] },
      'Dockerfile line 3: COPY with --link needs Buildah 1.41.0; Dockerfile line 5: RUN with a heredoc needs Buildah 1.33.0',
    ],
    ['1.33.7', { needs: [link, heredoc] }, 'Dockerfile line 3: COPY with --link needs Buildah 1.41.0'],
    ['1.43.2', { needs: [link, heredoc] }, undefined],
    [
      '1.43.2',
      { needs: [never] },
      'Dockerfile line 7: RUN with --security needs Buildah of a version that doesn’t exist yet',
    ],
    [
      '1.43.2',
      { needs: [{ what: 'input "labels"', since: '1.23.0', below: '1.30.0' }] },
      'input "labels" needs Buildah below 1.30.0',
    ],
  ])('%s for %j: %s', (version, wish, expected) => {
    expect(misfit(version, wishOf(wish))).toBe(expected)
  })
})

/** A machine of one folder of programs: what each prints, or the whole script. */
function machineWith(programs: Readonly<Record<string, string>>): { bin: string; folder: WorkDir } {
  const bin = temporaryFolder()
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  return { bin, folder: { path: temporaryFolder(), buildUser, env: { PATH: bin } } }
}

const printing = (version: string) => `echo 'buildah version ${version} (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)'`

describe('provideBuildah', () => {
  const provide = async (programs: Readonly<Record<string, string>>, wish: BuildahConstraint, uid = 0) => {
    const { bin, folder } = machineWith(programs)
    return { bin, found: await provideBuildah(wish, contextOf({ uid, env: { PATH: bin } }), folder) }
  }

  it.each([
    ['1.28.2', '1.28.2'],
    ['1.42.0-dev', '1.42.0'],
    ['1.43', '1.43.0'],
  ])('takes Buildah %s on PATH when it fits', async (printed, version) => {
    const { bin, found } = await provide({ buildah: printing(printed) }, wishOf())
    expect(found).toStrictEqual({ path: join(bin, 'buildah'), version, reason: 'found on PATH' })
  })

  it('says what was found and what is needed where nothing better can be had', async () => {
    const error = await rejection(provide({ buildah: printing('1.28.2') }, wishOf({ needs: [link] })))
    expect(error.message).toMatch(
      /^Buildah 1\.28\.2 \(\/.*\/buildah\) can't do what is asked for: Dockerfile line 3: COPY with --link needs Buildah 1\.41\.0\.$/,
    )
    expect(error.hint).toContain('No package manager that this action knows (apt-get, dnf, apk, zypper)')
    expect(error.hint).toContain('"buildah-manifest"')
  })

  /** An apt-get that keeps what it was asked for and, asked to install Buildah, writes a newer one beside itself. */
  const packageManager =
    'echo "$@" >>"${0%/*}/asked"\n' +
    `case "$*" in *install*buildah*) printf '#!/bin/sh\\necho buildah version 1.43.2\\n' >"\${0%/*}/buildah" ;; esac`

  it('installs nothing for what no version can', async () => {
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': packageManager })
    const context = contextOf({ uid: 0, env: { PATH: bin } })
    const error = await rejection(provideBuildah(wishOf({ needs: [never] }), context, folder))
    expect(describeError(error)).toMatch(/doesn’t exist yet\.\nLeave that feature out of the Dockerfile\.$/)
    expect(existsSync(join(bin, 'asked'))).toBe(false)
  })

  it('upgrades with the package manager', async () => {
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': packageManager })
    const context = contextOf({ uid: 0, env: { PATH: bin } })
    let found: unknown
    const log = await logOf(async () => {
      found = await provideBuildah(wishOf({ range: '>=1.43' }), context, folder)
    })
    expect(found).toStrictEqual({
      path: join(bin, 'buildah'),
      version: '1.43.2',
      reason: 'upgraded with the package manager',
    })
    expect(log).toBe('Installing Buildah and what a rootless build needs with apt-get\n')
    expect(readFileSync(join(bin, 'asked'), 'utf8')).toMatch(/^-qq .* update\n-qq .* install --yes buildah /)
  })

  it('says how the package manager failed', async () => {
    const manager = "echo 'E: Unable to locate package buildah' >&2; exit 100"
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': manager })
    const context = contextOf({ uid: 0, env: { PATH: bin } })
    let error: UserError | undefined
    await logOf(async () => {
      error = await rejection(provideBuildah(wishOf({ range: '>=1.43' }), context, folder))
    })
    expect(error?.message).toContain('input "buildah-version" asks for >=1.43')
    expect(error?.hint).toContain('E: Unable to locate package buildah')
  })

  it('lets an update fail, of one mirror of many, where the installation works', async () => {
    const manager = `case "$*" in *update) exit 100 ;; esac\n${packageManager}`
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': manager })
    let version: unknown
    await logOf(async () => {
      const context = contextOf({ uid: 0, env: { PATH: bin } })
      version = (await provideBuildah(wishOf({ range: '>=1.43' }), context, folder)).version
    })
    expect(version).toBe('1.43.2')
  })

  it('tells how the installation failed, and not the update', async () => {
    const manager = 'case "$*" in *update) echo no update; exit 100 ;; *) echo no package; exit 1 ;; esac'
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': manager })
    let hint: unknown
    await logOf(async () => {
      const context = contextOf({ uid: 0, env: { PATH: bin } })
      hint = (await rejection(provideBuildah(wishOf({ range: '>=1.43' }), context, folder))).hint
    })
    expect(hint).toContain('no package')
    expect(hint).not.toContain('no update')
  })

  it.each([
    ['there is no sudo', {}],
    ['sudo asks for a password', { sudo: 'exit 1' }],
  ])('gives the commands to run as root where the step isn’t and %s', async (_, sudo) => {
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': packageManager, ...sudo })
    const context = contextOf({ uid: 1000, env: { PATH: bin } })
    const error = await rejection(provideBuildah(wishOf({ range: '>=1.43' }), context, folder))
    expect(error.hint).toContain(`apt-get -qq -o Dpkg::Use-Pty=0 install --yes buildah uidmap`)
    expect(existsSync(join(bin, 'asked'))).toBe(false)
  })

  it('goes by sudo where that asks nothing', async () => {
    const programs = { buildah: printing('1.28.2'), 'apt-get': packageManager, sudo: 'shift; exec "$@"' }
    const { bin, folder } = machineWith({ ...programs, true: 'exit 0', env: 'shift; exec "$@"' })
    const context = contextOf({ uid: 1000, env: { PATH: bin } })
    let version: unknown
    await logOf(async () => {
      version = (await provideBuildah(wishOf({ range: '>=1.43' }), context, folder)).version
    })
    expect(version).toBe('1.43.2')
  })

  it('says so when the program prints no version', async () => {
    const { bin, folder } = machineWith({ buildah: 'echo hello' })
    const context = contextOf({ uid: 0, env: { PATH: bin } })
    await expect(provideBuildah(wishOf(), context, folder)).rejects.toThrow('--version prints no version: hello')
  })
})
