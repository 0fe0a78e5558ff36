import { chmodSync, chownSync, statfsSync } from 'node:fs'

import { accountFor } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'

/** A disk of its own size, as RUNNER_TEMP of a step. */
export interface SmallDisk {
  readonly path: string
  /** Bytes that nobody has taken. */
  free(): number
  remove(): Promise<void>
}

/** Mounts memory of so many bytes on a folder of the account that runs steps. Takes root. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk> {
  const account = accountFor('user')
  const path = makeFolder('small-disk')
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  chownSync(path, account.uid, account.gid)
  chmodSync(path, 0o755)
  return {
    path,
    free: () => {
      const { bavail, bsize } = statfsSync(path)
      return bavail * bsize
    },
    remove: async () => {
      await run('umount', ['--lazy', path])
    },
  }
}
