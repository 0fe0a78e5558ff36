import { isSpace, splitAtBlank, trim } from './lines.js'

export interface Flag {
  readonly name: string
  /** Text behind `=`, '' where there is none (`--link`). */
  readonly value: string
}

/** The line of an instruction, taken apart. */
export interface Command {
  /** In upper case. */
  readonly keyword: string
  readonly flags: readonly Flag[]
  readonly argument: string
}

/** Takes a line apart. `escape` is the escape character in flags: Buildah knows the backslash alone there. */
export function readCommand(line: string, escape: string): Command {
  const [keyword, rest] = splitAtBlank(trim(line))
  return { keyword: upperCase(keyword), ...readFlags(rest, escape) }
}

/** Only ASCII in upper case: both engines compare keywords in Go's lower case, where an `ı` is no `i`, but an `İ` is. */
function upperCase(keyword: string): string {
  return keyword
    .replaceAll('İ', 'i')
    .toLowerCase()
    .replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
}

/** Both engines take each byte of a flag for a character, and so end it at half a letter such as `à`. */
function readFlags(text: string, escape: string): Omit<Command, 'keyword'> {
  if (!text.startsWith('--')) return { flags: [], argument: text }
  const bytes = Buffer.from(text).toString('latin1')
  const behind = (at: number) => trim(Buffer.from(bytes.slice(at), 'latin1').toString())
  const flags: Flag[] = []
  let at = 0
  while (bytes.startsWith('--', at)) {
    const { word, end } = readWord(bytes, at, escape)
    // It ends the flags.
    if (word === '--') return { flags, argument: behind(end) }
    flags.push(toFlag(word))
    at = end
    while (isSpace(bytes.charAt(at)) && at < bytes.length) at += 1
  }
  return { flags, argument: behind(at) }
}

function readWord(text: string, start: number, escape: string): { word: string; end: number } {
  let word = ''
  let quote = ''
  let end = start
  for (; end < text.length; end += 1) {
    const char = text.charAt(end)
    if (quote === '' && isSpace(char)) break
    if (quote === '' ? /["']/.test(char) : char === quote) quote = quote === '' ? char : ''
    else if (char !== escape) word += char
    else {
      end += 1
      word += text.charAt(end)
    }
  }
  return { word, end }
}

function toFlag(word: string): Flag {
  const [name = '', value = ''] = word.slice(2).split(/=(.*)/s)
  return { name, value }
}
