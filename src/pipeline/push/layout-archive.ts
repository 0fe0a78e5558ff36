import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { type Env, execute, findProgram } from '../../exec.js'
import { listOf, objectOf, parseObject, textMembersOf } from '../../lib/json.js'
import { type Blob, type Descriptor, isDigest } from '../../registry/manifest.js'

/** An OCI layout that archives are made of. */
export interface Layout {
  /** Unpacks an archive over what is there. */
  unpack(archive: string): Promise<void>
  pack(archive: string): Promise<void>
  /** The one image or index that the last archive is of. */
  top(): Promise<Descriptor & Annotated>
  /** Makes another one the only one. */
  setTop(descriptor: Descriptor, annotations: Annotated['annotations']): Promise<void>
  write(blob: Blob): Promise<void>
  /** Takes a blob out of it. */
  take(digest: string): Promise<Buffer>
}

interface Annotated {
  readonly annotations: Readonly<Record<string, string>>
}

/** Nothing in the archive that differs from run to run. */
const PLAIN = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u=rwX,go=rX']

/**
 * Works with an OCI layout that is gone afterwards.
 * @param staging private folder of this process
 * @throws UserError without the program tar
 */
export async function withLayout<T>(staging: string, env: Env, work: (layout: Layout) => Promise<T>): Promise<T> {
  const tar = await findProgram('tar', env)
  if (tar === undefined)
    throw new UserError('Input "outputs": type=oci needs the program tar.', 'sudo apt-get install tar')
  const folder = join(staging, 'layout')
  await mkdir(folder)
  try {
    return await work(layoutIn(folder, tar, env))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function layoutIn(folder: string, tar: string, env: Env): Layout {
  const index = join(folder, 'index.json')
  const pathOf = (digest: string) => join(folder, 'blobs', ...digest.split(':'))
  return {
    async unpack(archive) {
      await execute([tar, '--extract', '--file', archive, '--directory', folder], { env })
    },
    async pack(archive) {
      await execute([tar, '--create', '--file', archive, ...PLAIN, '--directory', folder, '.'], { env })
    },
    async top() {
      const { manifests } = parseObject(await readFile(index, 'utf8'))
      const { digest, mediaType, size, annotations } = objectOf(listOf(manifests)[0])
      if (typeof digest !== 'string' || !isDigest(digest) || typeof mediaType !== 'string' || typeof size !== 'number')
        throw new Error(`${index} names no image`)
      return { digest, mediaType, size, annotations: textMembersOf(annotations) }
    },
    async setTop({ digest, mediaType, size }, annotations) {
      const manifests = [{ mediaType, digest, size, annotations }]
      await writeFile(index, JSON.stringify({ schemaVersion: 2, manifests }))
    },
    write: ({ digest, bytes }) => writeFile(pathOf(digest), bytes),
    async take(digest) {
      const bytes = await readFile(pathOf(digest))
      await rm(pathOf(digest))
      return bytes
    },
  }
}
