import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'

import gt from 'semver/functions/gt.js'

import { makeFolder } from './folders.js'
import { close, listen } from './loopback.js'
import { architecture } from './oci-layout.js'
import { provide } from './provide.js'
import { isExhaustive } from './test-set.js'

/**
 * Versions that Go builds for the tests, each by a folder of scripts/go/buildah/. The first is what GitHub's ubuntu-24.04
 * has, and belongs to the ordinary set as well.
 */
const versions = ['1.33.7', '1.43.2'] as const

/** What scripts/from-go.sh has made. */
export interface BuiltBuildah {
  readonly version: string
  readonly program: string
  /** A .tar.gz that holds `bin/buildah`. */
  readonly archive: string
}

/** The machine's own Buildah, where another one stands in its place (scripts/hosted/lookalike.sh). */
const machines = process.env['MACHINE_BUILDAH']
const machineVersion = machines === undefined ? undefined : versionOf(machines)

/** A version of Buildah that is built for the tests, or the machine's own; or the reason why there is none. */
export function builtBuildah(version: string): BuiltBuildah | string {
  if (machines !== undefined && version === machineVersion) return machineBuildah(machines, version)
  const built = provide('from-go.sh', 'buildah', version)
  if ('missing' in built) return built.missing
  return {
    version,
    program: join(built.folder, 'bin/buildah'),
    archive: join(built.folder, `buildah-${version}-linux-${architecture}.tar.gz`),
  }
}

/** The Buildah that is released with the action, as this machine builds it, or the reason why it can't. */
export function staticBuildah(): BuiltBuildah | string {
  const built = provide('static-buildah.sh')
  if ('missing' in built) return built.missing
  const archive = readdirSync(built.folder).find((name) => name.endsWith('.tar.gz')) ?? ''
  const version = /^buildah-([\d.]+)-linux/.exec(archive)?.[1] ?? ''
  return { version, program: join(built.folder, 'bin/buildah'), archive: join(built.folder, archive) }
}

/** The versions that this set of tests runs on beside the system's own: one in the ordinary set, else all. */
export function builtVersions(systemVersion: string): readonly string[] {
  const all = machineVersion === undefined ? versions : [machineVersion, ...versions]
  const others = all.filter((version) => version !== systemVersion)
  return isExhaustive ? others : others.slice(0, 1)
}

export function systemVersion(): string {
  return versionOf('buildah')
}

function versionOf(program: string): string {
  return /version (\d+\.\d+\.\d+)/.exec(execFileSync(program, ['--version']).toString())?.[1] ?? ''
}

function machineBuildah(program: string, version: string): BuiltBuildah {
  const folder = makeFolder('machine-buildah')
  mkdirSync(join(folder, 'bin'))
  copyFileSync(program, join(folder, 'bin/buildah'))
  chmodSync(join(folder, 'bin/buildah'), 0o755)
  const archive = join(folder, `buildah-${version}-linux-${architecture}.tar.gz`)
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, 'bin/buildah'])
  return { version, program: join(folder, 'bin/buildah'), archive }
}

/** The oldest of them that is newer than the system's, or the reason why there is none. */
export function newerBuildah(): BuiltBuildah | string {
  const system = systemVersion()
  const newer = versions.find((version) => gt(version, system))
  return newer === undefined ? `no version that is built is newer than ${system}` : builtBuildah(newer)
}

export interface ManifestServer {
  /** For the input `buildah-manifest`. */
  readonly url: string
  /** The same for an action whose own Buildah this is: its manifest, and the variables that tell where its releases are. */
  readonly own: { readonly ownBuildah: string; readonly env: Readonly<Record<string, string>> }
  /** Paths that were asked for. */
  readonly requests: readonly string[]
  stop(): Promise<void>
}

/**
 * Serves an archive of Buildah and a manifest that names it, in the shape of actions/versions-manifest, on loopback.
 * @param sha256 what the manifest says instead of the archive's true sum
 */
export async function serveManifest(buildah: BuiltBuildah, sha256?: string): Promise<ManifestServer> {
  const archive = readFileSync(buildah.archive)
  const requests: string[] = []
  let origin = ''
  const manifest = (folder: string): unknown => [
    {
      version: buildah.version,
      stable: true,
      release_url: `${origin}/`,
      files: [
        {
          filename: basename(buildah.archive),
          arch: process.arch,
          platform: 'linux',
          download_url: `${folder}${basename(buildah.archive)}`,
          sha256: sha256 ?? createHash('sha256').update(archive).digest('hex'),
        },
      ],
    },
  ]
  const server = createServer(({ url = '' }, answer) => {
    requests.push(url)
    if (url === '/manifest.json') answer.end(JSON.stringify(manifest('')))
    else if (url.endsWith(`/${basename(buildah.archive)}`)) answer.end(archive)
    else answer.writeHead(404).end()
  })
  origin = `http://${await listen(server)}`
  return {
    url: `${origin}/manifest.json`,
    own: {
      ownBuildah: JSON.stringify(manifest('releases/download/')),
      env: { GITHUB_SERVER_URL: origin, GITHUB_ACTION_REPOSITORY: 'acme/action' },
    },
    requests,
    stop: () => close(server),
  }
}
