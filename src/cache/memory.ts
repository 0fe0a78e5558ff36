import { lchown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execute } from '../exec.js'
import type { Store } from '../store.js'
import { readPlain } from './plain-file.js'

/**
 * What Buildah remembers of registries: which of them has which layer, and in which compressed form. With it, a push of
 * layers that are there already compresses nothing. It is one file, whose name depends on the version.
 */
export interface Memory {
  readonly name: (typeof FILES)[number]
  /** Base64. */
  readonly content: string
}

const FILES = ['blob-info-cache-v1.sqlite', 'blob-info-cache-v1.boltdb'] as const
/** Below the private folder, whose `data` is the XDG_DATA_HOME of a build. Root keeps it with the machine. */
const FOLDERS = ['data', 'data/containers', 'data/containers/cache']
/** Buildah drops nothing from it; one that has grown so large is begun anew. */
const MAX_BYTES = 8 * 2 ** 20

export function isMemoryName(value: unknown): value is Memory['name'] {
  return FILES.some((name) => name === value)
}

/** The memory of a build; empty where it has none. */
export async function readMemory({ folder }: Store): Promise<Memory[]> {
  const found = await Promise.all(
    FILES.map(async (name) => {
      const content = await readPlain(join(folder, FOLDERS.at(-1) ?? '', name), MAX_BYTES).catch(() => undefined)
      return content === undefined ? [] : [{ name, content: content.toString('base64') }]
    }),
  )
  return found.flat()
}

/** Takes the memory away again: the account does, in its own folder. */
export async function dropMemory({ enter, env, folder }: Store): Promise<void> {
  await execute([...enter, 'rm', '-rf', '--', join(folder, FOLDERS.at(-1) ?? '')], { env, cwd: folder })
}

/** Puts the memory of an earlier run where a build will look for it. */
export async function writeMemory(memory: readonly Memory[], { folder, foreign, uid, gid }: Store): Promise<void> {
  if (memory.length === 0) return
  const give = async (path: string) => {
    if (foreign) await lchown(path, uid, gid)
  }
  for (const name of FOLDERS.slice(1)) {
    await mkdir(join(folder, name), { mode: 0o700, recursive: true })
    await give(join(folder, name))
  }
  for (const { name, content } of memory) {
    const path = join(folder, FOLDERS.at(-1) ?? '', name)
    await rm(path, { force: true })
    await writeFile(path, Buffer.from(content, 'base64'), { mode: 0o600, flag: 'wx' })
    await give(path)
  }
}
