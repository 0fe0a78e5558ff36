import { listOf, objectOf, parseObject } from '../lib/json.js'
import { mapConcurrent } from '../lib/concurrency.js'
import type { Reference } from '../metadata/reference.js'
import type { Registries } from './registries.js'
import { isDigest } from './manifest.js'

type Asked = Pick<Registries, 'fetchManifest' | 'mountBlob' | 'putManifest'>

const CONCURRENCY = 4

/**
 * Takes a manifest with all that it names over into another repository of the same registry, under its digest, without
 * moving a layer.
 * @returns false where it isn't there, or the registry wants the bytes
 * @throws RegistryError
 */
export async function copyManifest(
  registries: Asked,
  digest: string,
  { from, into }: { readonly from: Reference; readonly into: Reference },
): Promise<boolean> {
  const manifest = await registries.fetchManifest({ ...from, digest })
  if (manifest === undefined) return false
  const top = parseObject(manifest.bytes.toString('utf8'))
  const named = (values: readonly unknown[]) =>
    values
      .map((value) => objectOf(value)['digest'])
      .filter((one): one is string => typeof one === 'string' && isDigest(one))
  const missing: string[] = []
  for (const child of named(listOf(top['manifests'])))
    if (!(await copyManifest(registries, child, { from, into }))) missing.push(child)
  await mapConcurrent([...new Set(named([top['config'], ...listOf(top['layers'])]))], CONCURRENCY, async (blob) => {
    if (!(await registries.mountBlob(into, blob, from))) missing.push(blob)
  })
  if (missing.length > 0) return false
  await registries.putManifest({ ...into, digest }, manifest)
  return true
}
