import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import type { SshKeys } from '../runner/ssh-keys.js'
import { absoluteKeys } from './input-paths.js'
import { type WorkDir, writePrivate } from './work-dir.js'

/** A secret as engines take it: its id, and the path of a private file that holds it. */
export interface SecretFile {
  readonly id: string
  readonly path: string
}

/** Where the secrets of a build will be. Writes nothing. */
export function secretFiles({ secrets }: Inputs, folder: WorkDir): SecretFile[] {
  return secrets.map(({ id }, index) => ({ id, path: join(folder.path, nameOf(index)) }))
}

/** Writes the secrets, whether given as values or as files, into files that only the account can read. */
export async function writeSecrets({ secrets }: Inputs, folder: WorkDir, context: Context): Promise<SecretFile[]> {
  return await Promise.all(
    secrets.map(async ({ id, source }, index) => {
      const content =
        'value' in source ? source.value.reveal() : await readFile(resolve(context.workspace, source.path))
      return { id, path: await writePrivate(folder, nameOf(index), content) }
    }),
  )
}

/**
 * The keys of the input `ssh`, absolute, as files that the account can read: those of root, which ssh(1) wants to be of mode
 * 0600, are copied into private files. A socket stays where it is.
 */
export async function ownKeys({ ssh }: Inputs, folder: WorkDir, { workspace }: Context): Promise<SshKeys[]> {
  const given = ssh.map((keys) => absoluteKeys(keys, workspace))
  if (folder.buildUser.prefix.length === 0) return given
  return await Promise.all(
    given.map(async ({ id, paths }, index) => {
      const own = paths.map(async (path, place) => {
        const isFile = await stat(path).then((found) => found.isFile())
        return isFile ? await writePrivate(folder, `secrets/ssh-${index}-${place}`, await readFile(path)) : path
      })
      return { id, paths: await Promise.all(own) }
    }),
  )
}

function nameOf(index: number): string {
  return `secrets/${index}`
}
