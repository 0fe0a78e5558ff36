import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/** What of an image's configuration a base image has to say. */
export interface BaseConfig {
  readonly Env: readonly string[]
  readonly Cmd: readonly string[]
  readonly Volumes?: Readonly<Record<string, object>>
}

const architectures: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** The machine's architecture as images name it. */
export const architecture = architectures[process.arch] ?? process.arch

/** Writes an OCI image layout with one image of one layer, made from a tar archive of its files. */
export async function writeOciLayout(
  folder: string,
  layerTar: string,
  config: BaseConfig,
  platform: { readonly architecture: string; readonly variant?: string | undefined } = { architecture },
): Promise<void> {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const [diffId, compressed] = [createHash('sha256'), createHash('sha256')]
  const unnamed = join(folder, 'layer')
  // Level 1: a base image is pushed over loopback, where time is dearer than bytes.
  const gzip = createGzip({ level: 1 })
  await pipeline(createReadStream(layerTar), hashing(diffId), gzip, hashing(compressed), createWriteStream(unnamed))
  const layer = compressed.digest('hex')
  renameSync(unnamed, join(folder, 'blobs/sha256', layer))

  const created = '2024-01-01T00:00:00Z'
  const image = writeJson(folder, {
    created,
    ...platform,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId.digest('hex')}`] },
    history: [{ created, created_by: 'made for the tests' }],
  })
  const layerSize = statSync(join(folder, 'blobs/sha256', layer)).size
  const manifest = writeJson(folder, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...image },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${layer}`, size: layerSize }],
  })
  const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest }]
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece)
      done(null, piece)
    },
  })
}

function writeJson(folder: string, value: unknown): { digest: string; size: number } {
  const bytes = Buffer.from(JSON.stringify(value))
  const name = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(folder, 'blobs/sha256', name), bytes)
  return { digest: `sha256:${name}`, size: bytes.length }
}
