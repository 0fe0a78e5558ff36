import type { Reference } from '../metadata/reference.js'
import { objectOf, parseObject } from '../lib/json.js'
import { isDigest } from './manifest.js'
import type { Registries } from './registries.js'

type Asked = Pick<Registries, 'resolve' | 'fetchManifest' | 'fetchBlob'>

/**
 * The configuration of an image, as its registry has it now; undefined where there is no such image for the platform.
 * @param platform `linux/amd64`, `linux/arm/v7`
 * @throws RegistryError
 */
export async function fetchConfig(
  registries: Asked,
  reference: Reference,
  platform: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { registry, repository } = reference
  const found = reference.digest ?? (await registries.resolve(reference))?.digest
  if (found === undefined) return undefined
  const read = async (digest: string) => parseManifest(await registries.fetchManifest({ registry, repository, digest }))
  const top = await read(found)
  const chosen = Array.isArray(top['manifests']) ? manifestFor(top['manifests'], platform) : undefined
  const manifest = chosen === undefined ? top : await read(chosen)
  const digest = objectOf(manifest['config'])['digest']
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined
  return parseObject((await registries.fetchBlob({ registry, repository }, digest)).toString('utf8'))
}

function parseManifest(manifest: { readonly bytes: Buffer } | undefined): Readonly<Record<string, unknown>> {
  return parseObject(manifest?.bytes.toString('utf8') ?? '')
}

/** Which of an index is for a platform: where no variant is named, the first of the architecture. */
function manifestFor(manifests: readonly unknown[], platform: string): string | undefined {
  const [os, architecture, variant] = platform.split('/')
  const all = manifests.map(objectOf).map(({ digest, platform }) => ({ digest, platform: objectOf(platform) }))
  const fitting = all.filter(({ platform: own }) => own['os'] === os && own['architecture'] === architecture)
  const exact = fitting.find(({ platform: own }) => variant === undefined || own['variant'] === variant)
  const digest = (exact ?? fitting[0])?.digest
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}
