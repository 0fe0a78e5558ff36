import { StringDecoder } from 'node:string_decoder'

const MAX_LINE_LENGTH = 4096

/** Gives lines from chunks that may be cut within one, or within a character; of a long line, the beginning. */
export function lineReader(read: (line: string) => void): (chunk: Uint8Array) => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return (chunk) => {
    const parts = decoder.write(chunk).split('\n')
    const last = parts.pop() ?? ''
    for (const part of parts) {
      read((rest + part).replace(/\r$/, '').slice(0, MAX_LINE_LENGTH))
      rest = ''
    }
    rest = (rest + last).slice(0, MAX_LINE_LENGTH)
  }
}
