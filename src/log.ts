import { randomBytes } from 'node:crypto'

/**
 * Lets a program print into the log as it goes. Whatever it prints, the runner takes none of it for a workflow command
 * (`::set-output …`): commands are stopped by a token that the program can't know, and resumed behind it.
 * @param title the command line, shown in front
 */
export async function printLive<T>(title: string, run: (onOutput: (chunk: Buffer) => void) => Promise<T>): Promise<T> {
  const token = randomBytes(16).toString('hex')
  let last = 0x0a
  process.stdout.write(`::stop-commands::${token}\n${title}\n`)
  try {
    return await run((chunk) => {
      process.stdout.write(chunk)
      last = chunk.at(-1) ?? last
    })
  } finally {
    // The token counts only at the start of a line.
    process.stdout.write(`${last === 0x0a ? '' : '\n'}::${token}::\n`)
  }
}

/** A text on one line, and never the start of a workflow command, for what comes from outside. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]+/g, ' ').replace(/^(?=\s*(::|##\[))/, '> ')
}
