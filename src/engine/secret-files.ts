import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { absoluteKeys } from './input-paths.js'
import { type WorkDir, writePrivate } from './work-dir.js'

/** A secret as engines take it: its id, and the path of a private file that holds it. */
export interface SecretFile {
  readonly id: string
  readonly path: string
}

/** Where the secrets of a build are going to lie; nothing is written. */
export function secretFiles({ secrets }: Inputs, folder: WorkDir): SecretFile[] {
  return secrets.map(({ id }, index) => ({ id, path: join(folder.path, nameOf(index)) }))
}

/** Writes the secrets into files that only the account can read, whatever form the user gave them in. */
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
 * The entries of the input `ssh` with keys that the account can read: those of root, which ssh(1) wants to be of mode
 * 0600, are copied into private files. A socket stays where it is.
 */
export async function ownKeys({ ssh }: Inputs, folder: WorkDir, { workspace }: Context): Promise<string[]> {
  const entries = ssh.map((entry) => absoluteKeys(entry, workspace))
  if (folder.buildUser.prefix.length === 0) return entries
  return await Promise.all(
    entries.map(async (entry, index) => {
      const [id = '', keys] = entry.split(/=(.*)/s)
      if (keys === undefined) return entry
      const own = keys.split(',').map(async (path, place) => {
        const isFile = await stat(path).then((found) => found.isFile())
        return isFile ? await writePrivate(folder, `secrets/ssh-${index}-${place}`, await readFile(path)) : path
      })
      return `${id}=${(await Promise.all(own)).join(',')}`
    }),
  )
}

function nameOf(index: number): string {
  return `secrets/${index}`
}
