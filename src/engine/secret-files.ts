import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Context } from '../context.js'
import type { Inputs } from '../inputs.js'
import { type Folder, writePrivate } from './storage.js'

/** A secret as engines take it: its id, and the path of a private file that holds it. */
export interface SecretFile {
  readonly id: string
  readonly path: string
}

/** Where the secrets of a build are going to lie; nothing is written. */
export function secretFiles({ secrets }: Inputs, folder: Folder): SecretFile[] {
  return secrets.map(({ id }, index) => ({ id, path: join(folder.path, nameOf(index)) }))
}

/** Writes the secrets into files that only the account can read, whatever form the user gave them in. */
export async function writeSecrets({ secrets }: Inputs, folder: Folder, context: Context): Promise<SecretFile[]> {
  return await Promise.all(
    secrets.map(async ({ id, source }, index) => {
      const content =
        'value' in source ? source.value.reveal() : await readFile(resolve(context.workspace, source.path))
      return { id, path: await writePrivate(folder, nameOf(index), content) }
    }),
  )
}

function nameOf(index: number): string {
  return `secrets/${index}`
}
