import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'

import { cacheFolder } from './folders.js'
import { close, listen } from './loopback.js'
import { architecture } from './oci-layout.js'

const version = '1.43.2'

/** What scripts/buildah-from-go.sh has made. */
export interface CurrentBuildah {
  readonly version: string
  readonly program: string
  /** A .tar.gz that holds `bin/buildah`. */
  readonly archive: string
}

/** The current Buildah that was built for the tests, or the reason why there is none. */
export function currentBuildah(): CurrentBuildah | string {
  const folder = join(cacheFolder(), `buildah-${version}`)
  const program = join(folder, 'bin/buildah')
  const archive = join(folder, `buildah-${version}-linux-${architecture}.tar.gz`)
  if (existsSync(program) && existsSync(archive)) return { version, program, archive }
  return `no Buildah ${version} here: bash scripts/buildah-from-go.sh builds it where Go 1.24 is`
}

export interface ManifestServer {
  /** For the input `buildah-manifest`. */
  readonly url: string
  /** Paths that were asked for. */
  readonly requests: readonly string[]
  stop(): Promise<void>
}

/**
 * Serves an archive of Buildah and a manifest that names it, in the shape of actions/versions-manifest, on loopback.
 * @param sha256 what the manifest says instead of the archive's true sum
 */
export async function serveManifest(buildah: CurrentBuildah, sha256?: string): Promise<ManifestServer> {
  const archive = readFileSync(buildah.archive)
  const requests: string[] = []
  let origin = ''
  const manifest = (): unknown => [
    {
      version: buildah.version,
      stable: true,
      release_url: `${origin}/`,
      files: [
        {
          filename: basename(buildah.archive),
          arch: process.arch,
          platform: 'linux',
          download_url: `${origin}/${basename(buildah.archive)}`,
          sha256: sha256 ?? createHash('sha256').update(archive).digest('hex'),
        },
      ],
    },
  ]
  const server = createServer(({ url = '' }, answer) => {
    requests.push(url)
    if (url === '/manifest.json') answer.end(JSON.stringify(manifest()))
    else if (url === `/${basename(buildah.archive)}`) answer.end(archive)
    else answer.writeHead(404).end()
  })
  origin = `http://${await listen(server)}`
  return {
    url: `${origin}/manifest.json`,
    requests,
    stop: () => close(server),
  }
}
