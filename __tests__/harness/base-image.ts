import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

import { testsAreRoot } from './account.js'
import { run } from './command.js'
import { cacheFolder, makeFolder } from './folders.js'
import { architecture, type BaseConfig, writeOciLayout } from './oci-layout.js'
import { pushLayout } from './registry-client.js'

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const busyboxConfig: BaseConfig = { Env: [path], Cmd: ['/bin/sh'] }
const debianConfig: BaseConfig = { Env: [path, 'DEBIAN_FRONTEND=noninteractive'], Cmd: ['/bin/bash'] }

/**
 * Pushes an image with a static busybox (a shell and the usual tools, 2 MB) to a test registry and gives its reference.
 * @param registry host and port of a registry without a login
 * @param name repository and tag, `base/busybox:1`
 */
export async function busyboxImage(registry: string, name = 'base/busybox:1'): Promise<string> {
  // With another busybox, or made in another way, it is another image.
  const parts = ['/bin/busybox', import.meta.filename, join(import.meta.dirname, 'oci-layout.ts')]
  const layout = await keptLayout(`busybox-${digestOfFiles(parts).slice(0, 16)}-${architecture}`, writeBusybox)
  await pushLayout(layout, `${registry}/${name}`)
  return `${registry}/${name}`
}

async function writeBusybox(layout: string): Promise<void> {
  const files = makeFolder('busybox-files')
  for (const folder of ['bin', 'etc', 'tmp', 'root', 'var/tmp']) mkdirSync(join(files, folder), { recursive: true })
  for (const folder of ['tmp', 'var/tmp']) chmodSync(join(files, folder), 0o1777)
  copyFileSync('/bin/busybox', join(files, 'bin/busybox'))
  chmodSync(join(files, 'bin/busybox'), 0o755)
  const applets = (await run('/bin/busybox', ['--list'])).toString().trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(files, 'bin', applet))
  writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
  writeFileSync(join(files, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
  const archive = `${files}.tar`
  await run('tar', ['--create', '--file', archive, '--directory', files, '--owner=0', '--group=0', '--sort=name', '.'])
  await writeOciLayout(layout, archive, busyboxConfig)
  rmSync(archive)
}

/**
 * Pushes a minimal Debian or Ubuntu, of the release that this machine runs and with its apt sources, to a test registry
 * and gives its reference. It is made with debootstrap once and then kept in the cache; that takes root or sudo.
 */
export async function debianImage(registry: string, name = 'base/debian:stable'): Promise<string> {
  const release = osRelease()
  const layout = await keptLayout(`${release}-${architecture}`, (folder) => bootstrap(release, folder))
  await pushLayout(layout, `${registry}/${name}`)
  return `${registry}/${name}`
}

/** A layout that is made once and then kept in the cache. Of two that make it at once, the first one's stays. */
async function keptLayout(name: string, make: (layout: string) => Promise<void>): Promise<string> {
  const layout = join(cacheFolder(), name)
  if (existsSync(layout)) return layout
  const unfinished = mkdtempSync(`${layout}.`)
  try {
    await make(unfinished)
    renameSync(unfinished, layout)
  } catch (error) {
    if (!existsSync(layout)) throw error
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return layout
}

function digestOfFiles(paths: readonly string[]): string {
  return createHash('sha256')
    .update(Buffer.concat(paths.map((path) => readFileSync(path))))
    .digest('hex')
}

/** `bookworm`, `noble`. */
function osRelease(): string {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
  if (release === undefined) throw new Error('/etc/os-release has no VERSION_CODENAME: not a Debian or Ubuntu machine')
  return release
}

async function bootstrap(release: string, layout: string): Promise<void> {
  const folder = makeFolder('debootstrap')
  const [files, archive] = [join(folder, 'files'), join(folder, 'files.tar')]
  const sources = await aptSources(release)
  const mirror = sources[0]?.site
  if (mirror === undefined) throw new Error(`apt has no source for ${release} on this machine`)
  await asRoot('debootstrap', ['--variant=minbase', release, files, mirror])
  await installFile(files, 'etc/apt/sources.list', sources.map(({ line }) => `${line}\n`).join(''))
  await installFile(files, 'etc/apt/apt.conf.d/90tests', await aptSettings())
  // Device nodes can't be unpacked without root; archives and lists are dead weight.
  const without = ['./dev/*', './proc/*', './sys/*', './var/cache/apt/*', './var/lib/apt/lists/*', './var/log/*.log']
  const exclude = without.map((pattern) => `--exclude=${pattern}`)
  await asRoot('tar', ['--create', '--file', archive, '--directory', files, '--numeric-owner', ...exclude, '.'])
  await asRoot('rm', ['-rf', files])
  await writeOciLayout(layout, archive, debianConfig)
  rmSync(archive, { force: true })
}

interface AptSource {
  readonly site: string
  readonly line: string
}

/** The machine's own sources of this release; further ones (a vendor's, with a key of its own) stay behind. */
async function aptSources(release: string): Promise<AptSource[]> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const targets = (await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])).toString()
  return targets
    .trim()
    .split('\n')
    .filter((target) => new RegExp(` ${release}(-updates|-security)? `).test(target))
    .sort((one, other) => Number(!one.includes(` ${release} `)) - Number(!other.includes(` ${release} `)))
    .map((target) => ({ site: target.split(' ')[0] ?? '', line: `deb ${target}` }))
}

/** How this machine reaches its mirrors: proxies and checks, as apt.conf lines. */
async function aptSettings(): Promise<string> {
  const settings = (await run('apt-config', ['dump', 'Acquire', '--format', '%F "%v";%n'])).toString()
  return settings
    .split('\n')
    .filter((line) => /^Acquire::(https?::.*Proxy|Check-)\S* ".+"/i.test(line))
    .map((line) => `${line}\n`)
    .join('')
}

async function installFile(files: string, where: string, content: string): Promise<void> {
  await asRoot('tee', [join(files, where)], content)
}

async function asRoot(program: string, args: readonly string[], input = ''): Promise<void> {
  if (testsAreRoot) await run(program, args, { input })
  else await run('sudo', ['-n', program, ...args], { input })
}
