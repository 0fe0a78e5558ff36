import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { oneTypoFrom, sameButSpelling } from '../lib/spelling.js'

const DOCKERFILE = /^(?:Dockerfile|Containerfile)(?:\.|$)|\.(?:Dockerfile|Containerfile)$/i
const NOT_SEARCHED = new Set(['.git', 'node_modules'])

/** The Dockerfile that is most likely meant, relative to a folder: misspelled, or the only one in it or one folder below. */
export async function likelyDockerfile(file: string | undefined, folder: string): Promise<string | undefined> {
  const listed = async (below: string) => {
    const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
    return entries.map((entry) => ({ entry, path: join(below, entry.name) }))
  }
  const top = await listed('')
  const folders = top.filter(({ entry }) => entry.isDirectory() && !NOT_SEARCHED.has(entry.name))
  const deeper = await Promise.all(folders.map(({ path }) => listed(path)))
  const names = [...top, ...deeper.flat()]
    .filter(({ entry }) => entry.isFile() && DOCKERFILE.test(entry.name))
    .map(({ path }) => path)
  const like = file === undefined ? undefined : (sameButSpelling(file, names) ?? oneTypoFrom(file, names))
  return like ?? (names.length === 1 ? names[0] : undefined)
}
