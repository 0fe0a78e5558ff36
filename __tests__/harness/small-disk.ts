import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
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
  /** A folder for PATH, whose nsenter gives that back, too, before it enters the sandbox of a build. */
  clearedByBuild(): string
  remove(): Promise<void>
}

/** Mounts memory of so many bytes, and for so many files, on a folder of the account that runs steps. Takes root. */
export async function mountSmallDisk(bytes: number, files?: number): Promise<SmallDisk> {
  const account = accountFor('user')
  const path = makeFolder('small-disk')
  await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${bytes}${files === undefined ? '' : `,nr_inodes=${files}`}`,
    'tmpfs',
    path,
  ])
  const filler = join(path, 'filler')
  chownSync(path, account.uid, account.gid)
  chmodSync(path, 0o755)
  return {
    path,
    fill: (left) => {
      for (let turn = 0; ; turn += 1) {
        const { bavail, bsize } = statfsSync(path)
        try {
          execFileSync('fallocate', ['--length', String(bavail * bsize - left), filler], { stdio: 'pipe' })
          return
        } catch (error) {
          // Somebody writes at the same time.
          if (turn === 20) throw error
        }
      }
    },
    clear: () => {
      rmSync(filler, { force: true })
    },
    clearedByBuild: () => {
      const folder = makeFolder('clearing')
      const real = execFileSync('which', ['nsenter']).toString().trim()
      // The cache enters a user namespace, too, but no mount namespace.
      const isSandbox = `case " $* " in *' --mount '*) rm -f ${filler};; esac`
      writeFileSync(join(folder, 'nsenter'), `#!/bin/sh\n${isSandbox}\nexec ${real} "$@"\n`, { mode: 0o755 })
      return folder
    },
    remove: async () => {
      await run('umount', ['--lazy', path])
    },
  }
}
