import { readFile } from 'node:fs/promises'

/** What the kernel calls this boot of the machine; '' where it doesn't tell. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}
