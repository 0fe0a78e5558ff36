import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// Images go to test registries and come from them by plain HTTP: a program takes longer to start than that takes.

export interface RawManifest {
  readonly bytes: Buffer
  readonly mediaType: string
}

const ociIndex = 'application/vnd.oci.image.index.v1+json'
const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json'

/**
 * Pushes the one image of an OCI image layout.
 * @param reference `127.0.0.1:5000/base/busybox:1`, in a registry without a login
 */
export async function pushLayout(layout: string, reference: string): Promise<void> {
  const blob = (digest: string): Buffer => readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    readonly manifests: readonly [{ readonly digest: string; readonly mediaType: string }]
  }
  const [{ digest, mediaType }] = index.manifests
  const bytes = blob(digest)
  const { config, layers } = JSON.parse(bytes.toString()) as {
    readonly config: { readonly digest: string }
    readonly layers: readonly { readonly digest: string }[]
  }
  const { registry, repository } = partsOf(reference)
  for (const part of [...layers, config]) await putBlob(registry, repository, part.digest, blob(part.digest))
  await putManifest(reference, { bytes, mediaType })
}

/**
 * Puts an image of a registry under another tag of its repository, with other settings in its configuration.
 * @returns its reference
 */
export async function withSettings(reference: string, tag: string, settings: object): Promise<string> {
  const { registry, repository } = partsOf(reference)
  const { bytes, mediaType } = await getManifest(reference)
  const manifest = JSON.parse(bytes.toString()) as { readonly config: { readonly digest: string } }
  const config = JSON.parse((await getBlob(reference, manifest.config.digest)).toString()) as {
    readonly config: object
  }
  const changed = Buffer.from(JSON.stringify({ ...config, config: { ...config.config, ...settings } }))
  await putBlob(registry, repository, digestOf(changed), changed)
  const other = { ...manifest.config, digest: digestOf(changed), size: changed.length }
  const place = `${registry}/${repository}:${tag}`
  await putManifest(place, { bytes: Buffer.from(JSON.stringify({ ...manifest, config: other })), mediaType })
  return place
}

async function putBlob(registry: string, repository: string, digest: string, bytes: Buffer): Promise<void> {
  const started = await send(`http://${registry}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  const place = new URL(started.headers.get('location') ?? '', `http://${registry}`)
  place.searchParams.set('digest', digest)
  await send(place.href, { method: 'PUT', body: Uint8Array.from(bytes) })
}

/** @param reference `127.0.0.1:5000/web:1` */
export async function putManifest(reference: string, { bytes, mediaType }: RawManifest): Promise<void> {
  const headers = { 'content-type': mediaType }
  await send(urlOf(reference), { method: 'PUT', body: Uint8Array.from(bytes), headers })
}

/** @param reference `127.0.0.1:5000/web:1` */
export async function getManifest(reference: string): Promise<RawManifest> {
  const answer = await send(urlOf(reference), {
    headers: { accept: [ociIndex, ociManifest, dockerManifest].join(', ') },
  })
  return { bytes: Buffer.from(await answer.arrayBuffer()), mediaType: answer.headers.get('content-type') ?? '' }
}

/** A blob of the repository of this image. */
export async function getBlob(reference: string, digest: string): Promise<Buffer> {
  const { registry, repository } = partsOf(reference)
  const answer = await send(`http://${registry}/v2/${repository}/blobs/${digest}`)
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (digestOf(bytes) !== digest) throw new Error(`${reference}: the registry has other bytes as ${digest}`)
  return bytes
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function urlOf(reference: string): string {
  const { registry, repository, tag } = partsOf(reference)
  return `http://${registry}/v2/${repository}/manifests/${tag}`
}

/** Of `127.0.0.1:5000/acme/web:1`, `127.0.0.1:5000/acme/web`, or the same with `@sha256:…`. */
function partsOf(reference: string): { registry: string; repository: string; tag: string } {
  const slash = reference.indexOf('/')
  const [, repository = '', , tag = 'latest'] = /^(.+?)(@(?=sha256:)|:|$)(.*)$/.exec(reference.slice(slash + 1)) ?? []
  return { registry: reference.slice(0, slash), repository, tag: tag === '' ? 'latest' : tag }
}

/** @throws Error with what the registry answers */
async function send(url: string, options: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, options)
  if (!answer.ok) throw new Error(`${options.method ?? 'GET'} ${url}: ${answer.status} ${await answer.text()}`)
  return answer
}
