import { chmodSync, lchownSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { type Account, testsAreRoot } from './account.js'
import { awkwardTar } from './awkward-tar.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'

/** Extended attributes by their full names. */
type Attributes = Readonly<Record<string, Buffer>>

/**
 * Path → content of a file (mode 0644 unless told), where a link points, which other path it is, or what a tar archive holds;
 * `archived`, one file with attributes that an account may not set.
 */
export type Tree = Readonly<
  Record<
    string,
    | string
    | { content: string; mode?: number; mtime?: number; attributes?: Attributes }
    | { link: string }
    | { hardLink: string }
    | { archive: Record<string, string> }
    | { archived: string; attributes: Attributes }
  >
>

/** A new folder with these files, all of the owner, as a fresh checkout has them: their times are new. */
export async function makeTree(tree: Tree, owner: Account): Promise<string> {
  const root = makeFolder('workspace', owner)
  for (const [path, entry] of Object.entries(tree)) {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 })
    if (typeof entry === 'string') writeFileSync(full, entry, { mode: 0o644 })
    else if ('link' in entry) symlinkSync(entry.link, full)
    else if ('hardLink' in entry) linkSync(join(root, entry.hardLink), full)
    else if ('archive' in entry) await writeArchive(full, entry.archive)
    else if ('archived' in entry) writeFileSync(full, archiveOf(entry.archived, entry.attributes))
    else await writePlain(full, entry)
    if (testsAreRoot) {
      // Links and the folders above as well.
      for (let at = path; at !== '.'; at = dirname(at)) lchownSync(join(root, at), owner.uid, owner.gid)
    }
  }
  return root
}

type Plain = Extract<Tree[string], { content: string }>

async function writePlain(path: string, { content, mode = 0o644, mtime, attributes = {} }: Plain): Promise<void> {
  writeFileSync(path, content)
  chmodSync(path, mode)
  const program = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))'
  for (const [name, value] of Object.entries(attributes))
    await run('python3', ['-c', program, path, name, value.toString('hex')])
  if (mtime !== undefined) utimesSync(path, mtime, mtime)
}

function archiveOf(content: string, attributes: Attributes): Buffer {
  return awkwardTar([{ path: 'file', mode: 0o755, uid: 0, gid: 0, content, attributes }])
}

/** A tar archive that depends on nothing but its content. */
export async function writeArchive(archive: string, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = makeFolder('archive')
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const same = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@1700000000', '--mode=u=rwX,go=rX']
  await run('tar', ['--create', '--file', archive, ...same, '--directory', folder, '.'])
}
