import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'

/** A disk of its own size, as RUNNER_TEMP of a step. */
export interface SmallDisk {
  readonly path: string
  /** Takes all but so many bytes of it, at once. */
  fill(left: number): void
  /** Gives that back. */
  clear(): void
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
    fill: (left) => {
      const { bavail, bsize } = statfsSync(path)
      execFileSync('fallocate', ['--length', String(bavail * bsize - left), join(path, 'filler')])
    },
    clear: () => {
      rmSync(join(path, 'filler'), { force: true })
    },
    remove: async () => {
      await run('umount', ['--lazy', path])
    },
  }
}
