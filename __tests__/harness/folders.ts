import {
  chmodSync,
  chownSync,
  type Dirent,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { type Account, testsAreRoot } from './account.js'
import { run } from './command.js'

const made = new Set<string>()

/** What a folder is filled with: path below it → content, or content with a mode. */
export type Files = Readonly<Record<string, string | Uint8Array | { content: string | Uint8Array; mode: number }>>

/** A new folder of mode 0755 below the system's temporary one; it is gone after `removeFolders()`. */
export function makeFolder(name: string, owner?: Account): string {
  const folder = mkdtempSync(join(tmpdir(), `rib-${name}-`))
  made.add(folder)
  chmodSync(folder, 0o755)
  if (owner && testsAreRoot) chownSync(folder, owner.uid, owner.gid)
  return folder
}

/** A checkout: a new folder with these files (mode 0644 unless told), all of the owner. */
export function makeWorkspace(files: Files, owner?: Account): string {
  const folder = makeFolder('workspace', owner)
  for (const [path, file] of Object.entries(files)) {
    const { content, mode } =
      typeof file === 'string' || file instanceof Uint8Array ? { content: file, mode: 0o644 } : file
    makeParents(folder, path, owner)
    writeFileSync(join(folder, path), content)
    chmodSync(join(folder, path), mode)
    if (owner && testsAreRoot) chownSync(join(folder, path), owner.uid, owner.gid)
  }
  return folder
}

function makeParents(folder: string, path: string, owner?: Account): void {
  const parts = dirname(path).split('/')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const parent = join(folder, ...parts.slice(0, depth))
    mkdirSync(parent, { recursive: true, mode: 0o755 })
    if (owner && testsAreRoot) chownSync(parent, owner.uid, owner.gid)
  }
}

/** Every path below a folder, relative to it and sorted; a folder that can't be read is listed with `/ (unreadable)`. */
export function listFolder(folder: string, below = ''): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(join(folder, below), { withFileTypes: true })
  } catch {
    return [`${below}/ (unreadable)`]
  }
  const compare = (one: Dirent, other: Dirent): number => (one.name < other.name ? -1 : 1)
  // A name that isn't UTF-8 comes back as one that nothing has: no further look at it is possible.
  return entries.sort(compare).flatMap((entry) => {
    const path = join(below, entry.name)
    return entry.isDirectory() ? [path, ...listFolder(folder, path)] : [path]
  })
}

/** Removes every folder that was made here. For `afterAll`. */
export async function removeFolders(): Promise<void> {
  for (const folder of made) {
    await removeFolder(folder)
    made.delete(folder)
  }
}

async function removeFolder(folder: string): Promise<void> {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // Names that aren't UTF-8 can't be removed by Node; files of an image belong to subordinate IDs, which only their
    // namespace or root may remove.
    if (testsAreRoot) {
      await unmountBelow(folder)
      await run('rm', ['-rf', folder])
    } else await run('buildah', ['unshare', 'rm', '-rf', folder])
  }
}

/** A daemon of Docker that had to be killed leaves its data mounted. */
async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
  for (const point of points.reverse()) await run('umount', ['--lazy', point])
}

/** Where slow things are kept from run to run: `${XDG_CACHE_HOME:-~/.cache}/rootless-image-build-tests`. */
export function cacheFolder(): string {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'rootless-image-build-tests')
  mkdirSync(folder, { recursive: true })
  return folder
}
