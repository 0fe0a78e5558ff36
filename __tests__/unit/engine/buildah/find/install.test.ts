import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import {
  type Buildah,
  type BuildahConstraint,
  commandOf,
  misfit,
  provideBuildah,
} from '../../../../../src/engine/buildah/find/install.js'
import type { WorkDir } from '../../../../../src/engine/work-dir.js'
import type { Context } from '../../../../../src/runner/context.js'
import { describe as describeError, type UserError } from '../../../../../src/errors.js'
import { contextOf, logOf, rejection, temporaryFolder } from '../../../helpers.js'

const wishOf = (changes: Partial<BuildahConstraint> = {}): BuildahConstraint => ({
  range: undefined,
  manifest: undefined,
  needs: [{ what: 'this action', since: '1.23.0' }],
  ...changes,
})
const link = { what: 'Dockerfile line 3: COPY with --link', since: '1.41.0' }
const heredoc = { what: 'Dockerfile line 5: RUN with a heredoc', since: '1.33.0' }
const wrong = { what: 'Dockerfile line 2: ADD of a Git repository (before, it adds a page)', since: '1.38.0' }
const never = { what: 'Dockerfile line 7: RUN with --security', since: undefined }

describe('commandOf', () => {
  it.each([
    [{ path: '/opt/buildah', launcher: '/opt/buildah' }, ['/opt/buildah']],
    [{ path: '/opt/buildah', launcher: '/usr/bin/buildah' }, ['/usr/bin/buildah', 'unshare', '/opt/buildah']],
  ])('%j', (buildah, command) => {
    expect(commandOf(buildah)).toStrictEqual(command)
  })
})

describe('misfit', () => {
  it.each([
    ['1.45.0', { range: 'bundled' }, 'input "buildah-version" asks for the action\'s own'],
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
      "Dockerfile line 7: RUN with --security needs Buildah in a version that doesn't exist yet",
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

const program = (bin: string) => ({ path: join(bin, 'buildah'), launcher: join(bin, 'buildah') })
const NOT_RELEASED = 'Buildah of this action: none (RUNNER_TOOL_CACHE, where it would be stored, is not set)\n'
const printing = (version: string) => `echo 'buildah version ${version} (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)'`

/** An apt-get that keeps what it was asked for and, asked to install Buildah, writes a newer one beside itself. */
function installing(version: string): string {
  const install = `printf '#!/bin/sh\\necho buildah version ${version}\\n' >"\${0%/*}/buildah"`
  return `echo "$@" >>"\${0%/*}/asked"\ncase "$*" in *install*buildah*) ${install} ;; esac`
}

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
    expect(found).toStrictEqual({ ...program(bin), version, reason: 'found on PATH' })
  })

  it('says what was found and what is needed where nothing better can be had', async () => {
    const error = await rejection(provide({ buildah: printing('1.28.2') }, wishOf({ needs: [link] })))
    expect(error.message).toMatch(
      /^Buildah 1\.28\.2 \(\/.*\/buildah\) doesn't meet the requirements: Dockerfile line 3: COPY with --link needs Buildah 1\.41\.0\.$/,
    )
    expect(error.hint).toContain('no package manager that this action knows (apt-get, dnf, apk, zypper)')
    expect(error.hint).toContain('"buildah-manifest"')
  })

  const packageManager = installing('1.43.2')

  it('installs nothing for what no version can', async () => {
    const { bin, folder } = machineWith({ buildah: printing('1.28.2'), 'apt-get': packageManager })
    const context = contextOf({ uid: 0, env: { PATH: bin } })
    const error = await rejection(provideBuildah(wishOf({ needs: [never] }), context, folder))
    expect(describeError(error)).toMatch(/doesn't exist yet\.\nRemove that feature from the Dockerfile\.$/)
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
      ...program(bin),
      version: '1.43.2',
      reason: 'upgraded with the package manager',
    })
    expect(log).toBe(NOT_RELEASED + 'Installing Buildah and what a rootless build needs with apt-get\n')
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

describe('which Buildah is taken', () => {
  const hasPackages = { 'apt-get': installing('1.43.2') }
  const lines = ['PATH', 'own', 'packages'] as const
  const found = {
    PATH: 'found on PATH',
    own: 'of this action, because ',
    packages: 'upgraded with the package manager',
  }

  it.each<
    [onPath: string, wish: Partial<BuildahConstraint>, own: string, taken: (typeof lines)[number], version: string]
  >([
    ['1.33.7', {}, '1.45.0', 'PATH', '1.33.7'],
    ['1.33.7', { needs: [heredoc] }, '1.45.0', 'PATH', '1.33.7'],
    ['1.33.7', { needs: [link] }, '1.45.0', 'own', '1.45.0'],
    ['1.28.2', { needs: [wrong] }, '1.45.0', 'own', '1.45.0'],
    ['1.28.2', { needs: [link] }, '1.40.0', 'packages', '1.43.2'],
    ['1.28.2', { range: '>=1.37' }, '1.45.0', 'own', '1.45.0'],
    ['1.28.2', { range: '1.28.x' }, '1.45.0', 'PATH', '1.28.2'],
    ['1.28.2', { range: '1.43.x' }, '1.45.0', 'packages', '1.43.2'],
    ['1.45.0', { range: 'bundled' }, '1.45.0', 'own', '1.45.0'],
    ['1.46.0', { range: 'bundled' }, '1.45.0', 'own', '1.45.0'],
  ])('%s on PATH, %j, own %s: %s', async (onPath, wish, own, taken, version) => {
    const { bin, folder } = machineWith({ buildah: printing(onPath), ...hasPackages })
    const context = contextOf({ uid: 0, env: { PATH: bin }, ...release(own) })
    let chosen: Buildah | undefined
    await logOf(async () => {
      chosen = await provideBuildah(wishOf(wish), context, folder)
    })
    expect(chosen?.version).toBe(version)
    expect(lines.filter((line) => chosen?.reason.startsWith(found[line]))).toStrictEqual([taken])
    expect(existsSync(join(bin, 'asked'))).toBe(taken === 'packages')
  })

  it('says what it cost, and nothing the second time', async () => {
    const { bin, folder } = machineWith({ buildah: printing('1.33.7') })
    const context = contextOf({ env: { PATH: bin }, ...release('1.45.0') })
    const choose = async () => told(await logOf(() => provideBuildah(wishOf({ range: 'bundled' }), context, folder)))
    expect(await choose()).toMatch(/^Fetched file:\S+\/v1\/buildah\.tar\.gz: \d+\.?\d* k?B in \d+\.\d s\n$/)
    expect(await choose()).toBe('')
  })

  it.each([
    ['auto', {}, /doesn't meet the requirements: Dockerfile line 3/],
    ['bundled', { range: 'bundled' }, /asks for the action's own/],
  ])('%s, where nothing is released: one line, and the next is asked', async (_, wish, message) => {
    const { bin, folder } = machineWith({ buildah: printing('1.33.7') })
    const context = contextOf({ env: { PATH: bin }, ...release('1.45.0') })
    rmSync(new URL('v1/buildah.tar.gz', context.actionRepository))
    let error: UserError | undefined
    const log = await logOf(async () => {
      error = await rejection(provideBuildah(wishOf({ needs: [link], ...wish }), context, folder))
    })
    expect(error?.message).toMatch(message)
    expect(error?.hint).toContain("This action's own Buildah isn't available here: file:")
    expect(told(log)).toMatch(/^Buildah of this action: none \(.* ENOENT.*\)\n$/)
  })

  it('says that a private repository of the action may be the cause where the archive isn’t found', async () => {
    const server = createServer((_, response) => response.writeHead(404).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { bin, folder } = machineWith({ buildah: printing('1.33.7') })
    const actionRepository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/action/`
    const context = { ...contextOf({ env: { PATH: bin }, ...release('1.45.0') }), actionRepository }
    const log = await logOf(async () => {
      await rejection(provideBuildah(wishOf({ range: 'bundled' }), context, folder))
    })
    server.close()
    expect(told(log)).toBe(
      `Buildah of this action: none (${actionRepository}v1/buildah.tar.gz doesn't exist, or is in a private repository, whose releases can't be fetched)\n`,
    )
  })

  it('runs nothing of another content than the manifest of the action says', async () => {
    const { bin, folder } = machineWith({ buildah: printing('1.33.7') })
    const context = contextOf({ env: { PATH: bin }, ...release('1.45.0') })
    writeFileSync(new URL('v1/buildah.tar.gz', context.actionRepository), 'other')
    const error = await rejection(provideBuildah(wishOf({ range: 'bundled' }), context, folder))
    expect(error.message).toMatch(
      /has the SHA-256 [0-9a-f]{64}, but the manifest says [0-9a-f]{64}\. It is not used\.$/,
    )
    expect(error.hint).toMatch(/^Someone who can write to the releases of this action/)
  })
})

/** The log without what the library writes into it. */
function told(log: string): string {
  return log.replaceAll(/^(::debug::|\[command\]).*\n/gm, '')
}

/** What the action has when it has released this version: the manifest beside it, the archive in its repository. */
function release(version: string): Pick<Context, 'buildahManifest' | 'actionRepository' | 'toolCache' | 'temp'> {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'repository/v1'), { recursive: true })
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/buildah'), `#!/bin/sh\n${printing(version)}\n`, { mode: 0o755 })
  const archive = join(folder, 'repository/v1/buildah.tar.gz')
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, 'bin/buildah'])
  const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex')
  const file = { filename: 'buildah.tar.gz', arch: process.arch, platform: 'linux', download_url: 'v1/buildah.tar.gz' }
  const buildahManifest = join(folder, 'buildah.json')
  writeFileSync(buildahManifest, JSON.stringify([{ version, stable: true, files: [{ ...file, sha256 }] }]))
  const actionRepository = pathToFileURL(`${folder}/repository/`).href
  const [toolCache, temp] = [temporaryFolder(), temporaryFolder()]
  // Where the library looks.
  process.env['RUNNER_TOOL_CACHE'] = toolCache
  return { buildahManifest, actionRepository, toolCache, temp }
}
