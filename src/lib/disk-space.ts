import { statfs } from 'node:fs/promises'

/** Bytes that are free for this user on the disk that a folder lies on. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Of what is unpacked, this much must be free: the build needs room as well. */
const ROOM_FACTOR = 2

/** How many files more this user may have on the disk that a folder lies on; Infinity if the disk has no such limit. */
export async function freeFiles(folder: string): Promise<number> {
  const { files, ffree } = await statfs(folder)
  return files === 0 ? Infinity : ffree
}

/** How many bytes may be unpacked in a folder of which nobody has said how many they are. */
export async function roomFor(folder: string): Promise<number> {
  return Math.floor((await freeBytes(folder)) / ROOM_FACTOR)
}

/** Why so many bytes shouldn't be unpacked in a folder, as a sentence; undefined if they may. */
export async function lackOfRoom(folder: string, bytes: number): Promise<string | undefined> {
  const [needed, room] = [bytes * ROOM_FACTOR, await freeBytes(folder)]
  if (room >= needed) return undefined
  const [need, free] = [needed, room].map((size) => `${Math.ceil(size / 2 ** 20)} MiB`)
  return `nothing was restored: the build disk has ${free} free and needs ${need}, twice the size of what is restored`
}
