import { statfs } from 'node:fs/promises'

/** Bytes that are free for this user on the disk that a folder lies on. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Of what is unpacked, this much must be free: the build needs room as well. */
const ROOM_FACTOR = 2

/** Why so many bytes shouldn't be unpacked in a folder, as a sentence; undefined where they may. */
export async function lackOfRoom(folder: string, bytes: number): Promise<string | undefined> {
  const [needed, room] = [bytes * ROOM_FACTOR, await freeBytes(folder)]
  if (room >= needed) return undefined
  const [need, free] = [needed, room].map((size) => `${Math.ceil(size / 2 ** 20)} MiB`)
  return `nothing was restored: ${need} should be free where the image is built, twice what comes back, and ${free} are`
}
