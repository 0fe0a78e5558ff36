import { readdirSync, readFileSync } from 'node:fs'

/** The processes that still run and have this text (a folder's name) in their arguments or environment, `pid: command`. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].some((file) => contentOf(file).includes(text)))
    .map((pid) => `${pid}: ${contentOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()}`)
    .filter((line) => !line.endsWith(': '))
}

// A process may end between two looks, and another account's environment is not everyone's to read.
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
