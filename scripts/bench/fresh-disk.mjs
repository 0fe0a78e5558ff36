import * as fs from 'node:fs'

import { isRoot, run } from '../demo/machine.mjs'

/** Of the file that a disk lies in; it has holes. */
const size = 12 * 2 ** 30

/**
 * A folder that is a disk of its own, made anew before each run: what was there before is gone, and costs nothing. ext4
 * looks at every inode that was freed of late before it takes a new one, which made runs slower and slower that followed
 * one another on one disk. Without root it is a folder that is emptied.
 * @param {string} folder it doesn't matter what is there
 */
export function freshDisk(folder) {
  const file = `${folder}.img`
  const release = () => {
    if (!isRoot) return fs.rmSync(folder, { recursive: true, force: true })
    const mounted = fs.readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const device = mounted.find((line) => line.split(' ')[1] === folder)?.split(' ')[0]
    if (device !== undefined) {
      run('umount', [folder])
      run('losetup', ['--detach', device])
    }
    fs.rmSync(file, { force: true })
  }
  return {
    folder,
    /** Empties it. */
    renew() {
      release()
      fs.mkdirSync(folder, { recursive: true })
      if (!isRoot) return
      fs.writeFileSync(file, '')
      fs.truncateSync(file, size)
      run('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0', file])
      const device = run('losetup', ['--find', '--show', '--direct-io=on', file]).trim()
      run('mount', ['-t', 'ext4', device, folder])
      fs.chmodSync(folder, 0o755)
    },
    release,
  }
}
