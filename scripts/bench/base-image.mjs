import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { DemoError, isRoot, run } from '../demo/machine.mjs'

const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch
const mediaType = (name) => `application/vnd.oci.image.${name}`

/**
 * A minimal Debian or Ubuntu of this machine's release, with its apt sources, as an OCI layout. It is made once, with
 * debootstrap, and kept where the tests keep theirs: they take the same.
 * @param {string} folder for what is needed meanwhile
 * @returns the path of the layout
 */
export function provideBase(folder, tell) {
  const release = osRelease()
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rootless-image-build-tests')
  const layout = join(cache, `${release}-${architecture}`)
  if (fs.existsSync(layout)) return layout
  tell(`debootstrap of ${release}, once`)
  fs.mkdirSync(cache, { recursive: true })
  const files = join(folder, 'files')
  bootstrap(release, files)
  const unfinished = `${layout}.${process.pid}`
  writeLayout(unfinished, packFiles(files, folder))
  fs.renameSync(unfinished, layout)
  return layout
}

/** Pushes the image of a layout to a registry on loopback, by its HTTP interface. */
export async function pushLayout(layout, host, repository, tag) {
  const blob = (digest) => fs.readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
  const [{ digest }] = JSON.parse(fs.readFileSync(join(layout, 'index.json'), 'utf8')).manifests
  const { config, layers } = JSON.parse(blob(digest).toString())
  for (const part of [config, ...layers]) {
    const opened = await send('POST', `http://${host}/v2/${repository}/blobs/uploads/`)
    const upload = new URL(opened.headers.get('location'), `http://${host}`)
    upload.searchParams.set('digest', part.digest)
    await send('PUT', upload, 'application/octet-stream', blob(part.digest))
  }
  await send('PUT', `http://${host}/v2/${repository}/manifests/${tag}`, mediaType('manifest.v1+json'), blob(digest))
}

async function send(method, url, type, body) {
  const answer = await fetch(url, { method, ...(body && { body, headers: { 'content-type': type } }) })
  if (!answer.ok) throw new DemoError(`The registry answers ${answer.status} to ${method} ${url}`)
  return answer
}

/** `bookworm`, `noble`. */
function osRelease() {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync('/etc/os-release', 'utf8'))?.[1]
  if (release === undefined) throw new DemoError('/etc/os-release has no VERSION_CODENAME: not a Debian or Ubuntu')
  return release
}

function bootstrap(release, files) {
  if (spawnSync('sh', ['-c', 'command -v debootstrap'], { env: systemPath }).status !== 0) {
    asRoot('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', 'debootstrap'])
  }
  const sources = aptSources(release)
  if (sources.length === 0) throw new DemoError(`apt has no source for ${release} on this machine`)
  asRoot('debootstrap', ['--variant=minbase', release, files, sources[0].site])
  const lines = sources.map(({ site, suite, components }) => `deb ${site} ${suite} ${components}\n`)
  asRoot('tee', [join(files, 'etc/apt/sources.list')], { input: lines.join('') })
  asRoot('tee', [join(files, 'etc/apt/apt.conf.d/90tests')], { input: aptSettings() })
}

const systemPath = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

function asRoot(program, args, options = {}) {
  const argv = isRoot ? [program, ...args] : ['sudo', '-n', program, ...args]
  return run(argv[0], argv.slice(1), { env: { ...systemPath, DEBIAN_FRONTEND: 'noninteractive' }, ...options })
}

/** Where apt gets this release from here, its main suite first; other vendors' sources need keys of their own. */
function aptSources(release) {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const suites = [release, `${release}-updates`, `${release}-security`]
  const targets = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']).trim().split('\n')
  return targets
    .map((line) => line.split(' '))
    .map(([site, suite, components]) => ({ site, suite, components }))
    .filter(({ suite }) => suites.includes(suite))
    .sort((one, other) => suites.indexOf(one.suite) - suites.indexOf(other.suite))
}

/** How apt reaches its mirrors here: proxies, and what it doesn't check. */
function aptSettings() {
  const settings = run('apt-config', ['dump', 'Acquire', '--format', '%F "%v";%n']).split('\n')
  const kept = settings.filter((line) => /^Acquire::(https?::.*Proxy|Check-)\S* ".+"/i.test(line))
  return kept.map((line) => `${line}\n`).join('')
}

/** Without device nodes, which only root can unpack, and what a minimal image has no use for. */
function packFiles(files, folder) {
  const archive = join(folder, 'files.tar')
  const without = ['./dev/*', './proc/*', './sys/*', './var/cache/apt/*', './var/lib/apt/lists/*', './var/log/*.log']
  const exclude = without.map((pattern) => `--exclude=${pattern}`)
  asRoot('tar', ['--create', '--file', archive, '--directory', files, '--numeric-owner', ...exclude, '.'])
  asRoot('rm', ['-rf', files])
  return archive
}

/** An OCI image layout (image-spec, image-layout.md) with one image of one layer. */
function writeLayout(layout, archive) {
  fs.mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const store = (kind, content) => {
    const hash = sha256(content)
    fs.writeFileSync(join(layout, 'blobs/sha256', hash), content)
    return { mediaType: mediaType(kind), digest: `sha256:${hash}`, size: content.length }
  }
  const storeJson = (kind, value) => store(kind, Buffer.from(JSON.stringify(value)))
  const files = fs.readFileSync(archive)
  const layers = [store('layer.v1.tar+gzip', gzipSync(files, { level: 1 }))]
  const created = '2024-01-01T00:00:00Z'
  const config = storeJson('config.v1+json', {
    created,
    architecture,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive'],
      Cmd: ['/bin/bash'],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(files)}`] },
    // Buildah builds on no image whose history doesn't account for its layers.
    history: [{ created, created_by: 'made for the tests' }],
  })
  const manifest = { schemaVersion: 2, mediaType: mediaType('manifest.v1+json'), config, layers }
  const manifests = [storeJson('manifest.v1+json', manifest)]
  fs.writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  fs.writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  fs.rmSync(archive, { force: true })
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}
