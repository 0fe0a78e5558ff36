/** Each part of a word: in single quotes, in double quotes, behind a backslash, or bare. */
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)|(.)/gs

/** Splits a line into words as a shell does; nothing in it is expanded. Undefined where a quote isn't closed. Pure. */
export function shellWords(line: string): readonly string[] | undefined {
  const words: string[] = []
  let isOpen = false
  for (const [, single, double, escaped, bare, space, broken] of line.matchAll(PART)) {
    if (broken !== undefined) return undefined
    if (space !== undefined) {
      isOpen = false
      continue
    }
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? bare ?? ''
    if (isOpen) words.push(`${words.pop() ?? ''}${part}`)
    else words.push(part)
    isOpen = true
  }
  return words
}
