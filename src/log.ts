import { randomBytes } from 'node:crypto'

/** Prints lines into the log of the step; none of them can be a workflow command, whoever wrote the text. */
export function say(text: string): void {
  process.stdout.write(`${inert(text)}\n`)
}

/**
 * A text in which the runner finds no workflow command: it takes `::name::` at the start of a line for one, and the
 * older `##[name]` anywhere. Pure.
 */
export function inert(text: string): string {
  return text.replaceAll(/^(?=[\s\u0085]*::)/gm, '> ').replaceAll('##[', '## [')
}

/**
 * Lets a program print into a group of the log as it goes. Whatever it prints, the runner takes none of it for a
 * command: they are stopped by a token that the program can't know, and resumed behind it.
 * @param title of the group
 * @param command the command line, shown first
 */
export async function printLive<T>(
  title: string,
  command: string,
  run: (onOutput: (chunk: Buffer) => void) => Promise<T>,
): Promise<T> {
  const token = randomBytes(16).toString('hex')
  const newline = 0x0a
  let last = newline
  process.stdout.write(`::group::${title}\n::stop-commands::${token}\n${command}\n`)
  try {
    return await run((chunk) => {
      process.stdout.write(chunk)
      last = chunk.at(-1) ?? last
    })
  } finally {
    // Both count only at the start of a line.
    process.stdout.write(`${last === newline ? '' : '\n'}::${token}::\n::endgroup::\n`)
  }
}

/** `3.4 MB`, with the units of networks and registries. Pure. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power] ?? ''}`
}

/** `1 part`, `3 parts`. Pure. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
