import { existsSync } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { OciLayout } from '../../build-storage.js'
import { digestFile } from '../../lib/hash.js'
import type { BlobFile } from './index.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { readPlain } from '../../lib/plain-file.js'

/** A manifest or a configuration is no larger; a layer that is smaller is no JSON. */
const MAX_JSON_BYTES = 4 * 2 ** 20
const CONCURRENCY = 4
/** What Buildx leaves next to an OCI layout. */
const LOCK = 'cache.lock'

/** Every file of a folder of steps, in the order of their paths, in no part yet. */
export async function readBlobs(root: string): Promise<BlobFile[]> {
  const paths = await pathsIn(root)
  const files: BlobFile[] = []
  await mapConcurrent(paths, CONCURRENCY, async (path, index) => {
    files[index] = { path, ...(await digestFile(join(root, path))), part: '', offset: 0 }
  })
  return files
}

async function pathsIn(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== LOCK)
    .map((entry) => posix.relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

/** Whether an engine has left anything there: it may not have come to that. */
export function holdsSteps(root: string, layout: OciLayout['layout']): boolean {
  return existsSync(join(root, layout === 'oci-layout' ? 'index.json' : 'manifest.json'))
}

/** Removes what no manifest of an OCI layout needs any more: Buildx only ever adds to it. */
export async function dropUnused(root: string, layout: OciLayout['layout']): Promise<void> {
  if (layout !== 'oci-layout') return
  const { used } = await walk(root)
  const folder = join(root, 'blobs/sha256')
  for (const name of await readdir(folder).catch(() => [])) if (!used.has(name)) await rm(join(folder, name))
}

/** Whether everything that an OCI layout names is there, in its size: a build fails half way where it isn't. */
export async function isWhole(root: string, layout: OciLayout['layout']): Promise<boolean> {
  if (layout !== 'oci-layout') return true
  return (await walk(root).catch(() => ({ whole: false }))).whole
}

/** Follows the descriptors of an OCI layout from its index on. */
async function walk(root: string): Promise<{ used: Set<string>; whole: boolean }> {
  const used = new Set<string>()
  let whole = true
  const read = async (path: string) => {
    for (const { digest, size } of descriptorsIn(JSON.parse(String(await readPlain(path, MAX_JSON_BYTES))))) {
      const name = digest.slice('sha256:'.length)
      if (used.has(name)) continue
      used.add(name)
      const blob = join(root, 'blobs/sha256', name)
      const found = await lstat(blob).catch(() => undefined)
      if (found?.isFile() !== true || found.size !== size) whole = false
      else if (size <= MAX_JSON_BYTES && (await readPlain(blob, MAX_JSON_BYTES))?.at(0) === 0x7b) await read(blob)
    }
  }
  await read(join(root, 'index.json'))
  return { used, whole }
}

/** All descriptors of a document, at whatever depth. @see OCI image specification, descriptor.md */
function descriptorsIn(value: unknown): { readonly digest: string; readonly size: number }[] {
  if (Array.isArray(value)) return value.flatMap(descriptorsIn)
  if (typeof value !== 'object' || value === null) return []
  const { digest, size } = value as Record<string, unknown>
  const own = typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) && typeof size === 'number'
  return [...(own ? [{ digest, size }] : []), ...Object.values(value).flatMap(descriptorsIn)]
}
