import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import type { Stand } from './cache-fault-steps.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** A folder for caches that this account may write. */
export function cacheDirectory(as: 'user' | 'root' = 'user'): string {
  return makeFolder('cache', accountFor(as))
}

/** The build of a stand with its cache in this folder. */
export function directoryStep(
  stand: Stand,
  directory: string,
  inputs: Readonly<Record<string, string>> = {},
  more: Omit<StepOptions, 'inputs'> = {},
): StepOptions {
  return stand.step({ cache: 'directory', 'cache-dir': directory, ...inputs }, more)
}

/** The same checkout with other files in it. */
export function withFiles(options: StepOptions, files: Readonly<Record<string, string | Uint8Array>>): StepOptions {
  return { ...options, workspace: { ...(options.workspace as object), ...files } }
}

/** The folders of scopes, absolute. */
export function scopesIn(directory: string): string[] {
  return readdirSync(directory).map((name) => join(directory, name))
}

/** The folder of the one scope that there is. */
export function scopeIn(directory: string): string {
  const [scope, ...others] = scopesIn(directory)
  if (scope === undefined || others.length > 0) throw new Error(`${directory} has ${others.length + 1} scopes, not one`)
  return scope
}

export interface Kept {
  readonly layers: readonly { readonly id: string }[]
  readonly images: readonly { readonly id: string; readonly layer?: string }[]
}

/** The file of the index of the one branch that a scope has. */
export function indexFile(scope: string): string {
  const [name, ...others] = readdirSync(join(scope, 'indexes'))
  if (name === undefined || others.length > 0) throw new Error(`${scope} has ${others.length + 1} indexes, not one`)
  return join(scope, 'indexes', name)
}

/** What the index of the one branch of a scope says. */
export function indexOf(scope: string): { layers: { record: { id: string } }[]; images: { record: { id: string } }[] } {
  return JSON.parse(unsealed(readFileSync(indexFile(scope), 'utf8'))) as ReturnType<typeof indexOf>
}

/** A text as the cache writes it down, with its digest behind it. */
export function sealed(text: string): string {
  return `${text}\n${createHash('sha256').update(text).digest('hex')}\n`
}

/** Such a text without the digest. */
export function unsealed(text: string): string {
  return text.split('\n').slice(0, -2).join('\n')
}

/** Ids of what lies in a storage root of the driver overlay, by what the folders there are called. */
export function idsIn(scope: string, folder: 'overlay' | 'overlay-images' | 'overlay-containers'): string[] {
  return readdirSync(join(scope, 'root', folder))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .sort()
}

/** Ids of the layers, or images, that the root's own records name. */
export function recordsIn(scope: string, kind: 'layers' | 'images'): string[] {
  const text = readFileSync(join(scope, `root/overlay-${kind}/${kind}.json`), 'utf8')
  return (JSON.parse(text) as { id: string }[]).map(({ id }) => id).sort()
}

/** Bytes that the layers take on the disk, those too that the last build didn't see. */
export function bytesIn(scope: string): number {
  const lines = execFileSync('du', ['-s', '-B1', join(scope, 'root/overlay'), join(scope, 'aside')]).toString()
  return lines
    .trimEnd()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split('\t')[0]), 0)
}
