import { statfs } from 'node:fs/promises'

/**
 * File systems whose times this kernel sets: ext2 to 4, XFS, Btrfs, ZFS, F2FS, bcachefs, tmpfs and overlay. With FUSE and on a
 * network, another program or machine does, and may say what it likes.
 */
const OWN_TIMES: ReadonlySet<number> = new Set([
  ...[0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x01021994, 0x794c7630],
])

/** Whether the kernel itself notes when files on this file system (its number in statfs(2)) change. Pure. */
export function setsOwnTimes(type: number): boolean {
  return OWN_TIMES.has(type)
}

/** The same of the one that a folder lies on. */
export async function hasOwnTimes(folder: string): Promise<boolean> {
  return setsOwnTimes((await statfs(folder)).type)
}
