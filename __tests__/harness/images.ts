import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import type { Login } from './registry.js'
import { digestOf, getBlob, getManifest } from './registry-client.js'
import { readTar, type TarMember } from './tar.js'

export interface ImageConfig {
  readonly architecture: string
  readonly variant?: string
  readonly os: string
  readonly created?: string
  readonly config?: {
    readonly Env?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly Entrypoint?: readonly string[]
    readonly Labels?: Readonly<Record<string, string>>
    readonly User?: string
    readonly WorkingDir?: string
    readonly Healthcheck?: unknown
    readonly Shell?: readonly string[]
  }
  readonly rootfs: { readonly diff_ids: readonly string[] }
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[]
}

export interface ImageManifest {
  readonly mediaType?: string
  readonly config: { readonly digest: string; readonly mediaType: string }
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly mediaType: string }[]
  readonly annotations?: Readonly<Record<string, string>>
}

export interface PulledImage {
  /** Of the manifest, computed from its bytes. */
  readonly digest: string
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  /** The configuration as it was stored. */
  readonly rawConfig: Buffer
  /** Uncompressed layer archives, the base first. */
  readonly layers: readonly Buffer[]
}

export interface ImageFile extends Omit<TarMember, 'path' | 'content' | 'attributes'> {
  readonly size: number
  /** Of a file's content, in hexadecimal. */
  readonly sha256?: string
  /** Only where there are any. */
  readonly attributes?: TarMember['attributes']
}

/**
 * Pulls an image back, past whatever built and pushed it. `where` is a reference (`127.0.0.1:5000/web:1`), or any other
 * place by its transport (`oci-archive:/tmp/image.tar`). With a login no certificate is looked at.
 */
export async function pullImage(where: string, login?: Login): Promise<PulledImage> {
  const isReference = !/^[a-z-]+:(?!\d+\/)/.test(where)
  const { rawManifest, blob } = isReference && !login ? await byHttp(where) : await bySkopeo(where, isReference, login)
  const manifest = JSON.parse(rawManifest.toString()) as ImageManifest
  const rawConfig = await blob(manifest.config.digest)
  const layers: Buffer[] = []
  for (const layer of manifest.layers) layers.push(await uncompressed(await blob(layer.digest)))
  return {
    digest: digestOf(rawManifest),
    manifest,
    config: JSON.parse(rawConfig.toString()) as ImageConfig,
    rawConfig,
    layers,
  }
}

interface Pulled {
  readonly rawManifest: Buffer
  readonly blob: (digest: string) => Buffer | Promise<Buffer>
}

async function byHttp(reference: string): Promise<Pulled> {
  const { bytes } = await getManifest(reference)
  return { rawManifest: bytes, blob: (digest) => getBlob(reference, digest) }
}

async function bySkopeo(where: string, isReference: boolean, login?: Login): Promise<Pulled> {
  const folder = makeFolder('pulled')
  const source = isReference ? `docker://${where}` : where
  const options =
    login === undefined ? [] : ['--src-tls-verify=false', '--src-authfile', writeAuthFile(folder, where, login)]
  await run('skopeo', ['copy', '--quiet', ...options, source, `dir:${join(folder, 'image')}`])
  return {
    rawManifest: readFileSync(join(folder, 'image/manifest.json')),
    blob: (digest) => readFileSync(join(folder, 'image', digest.replace(/^sha256:/, ''))),
  }
}

/** The files of an image, path → what it is, after all layers with their whiteouts. */
export function imageFiles(image: PulledImage): Map<string, ImageFile> {
  const files = new Map<string, ImageFile>()
  for (const layer of image.layers) {
    // Whiteouts concern the layers below, wherever they stand in the archive.
    const members = [...readTar(layer)]
    for (const { path } of members) removeWhitedOut(files, path)
    for (const member of members) {
      // A file in place of a folder takes what was in the folder with it.
      if (member.type !== 'directory' && files.get(member.path)?.type === 'directory') removeBelow(files, member.path)
      if (!basename(member.path).startsWith('.wh.') && member.path !== '')
        files.set(member.path, describe(member, files))
    }
  }
  return files
}

/** Whether any layer, or the configuration, holds these bytes. */
export function imageContains(image: PulledImage, bytes: string | Uint8Array): boolean {
  const wanted = Buffer.from(bytes)
  return [image.rawConfig, ...image.layers].some((part) => part.includes(wanted))
}

function describe(member: TarMember, files: ReadonlyMap<string, ImageFile>): ImageFile {
  const { type, mode, uid, gid, linkname, content, attributes } = member
  if (type === 'hardlink') {
    const target = files.get(linkname.replace(/^(\.?\/)+/, ''))
    if (target) return { ...target, linkname }
  }
  const own = { type, mode, uid, gid, linkname, size: content.length }
  const hasAttributes = Object.keys(attributes).length > 0
  return { ...own, ...(type === 'file' && { sha256: sha256(content) }), ...(hasAttributes && { attributes }) }
}

function removeWhitedOut(files: Map<string, ImageFile>, path: string): void {
  const name = basename(path)
  if (!name.startsWith('.wh.')) return
  const folder = dirname(path) === '.' ? '' : `${dirname(path)}/`
  const gone = `${folder}${name.slice('.wh.'.length)}`
  const opaque = name === '.wh..wh..opq'
  if (!opaque) files.delete(gone)
  removeBelow(files, opaque ? dirname(path) : gone)
}

function removeBelow(files: Map<string, ImageFile>, folder: string): void {
  for (const file of files.keys()) {
    if (folder === '.' || file.startsWith(`${folder}/`)) files.delete(file)
  }
}

async function uncompressed(layer: Buffer): Promise<Buffer> {
  if (layer[0] === 0x1f && layer[1] === 0x8b) return gunzipSync(layer)
  const isZstd = layer.readUInt32LE(0) === 0xfd2fb528
  return isZstd ? run('zstd', ['--decompress', '--stdout'], { input: layer }) : layer
}

function writeAuthFile(folder: string, reference: string, { username, password }: Login): string {
  const path = join(folder, 'auth.json')
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  writeFileSync(path, JSON.stringify({ auths: { [reference.split('/')[0] ?? '']: { auth } } }), { mode: 0o600 })
  return path
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
