const LONGEST = 500

/**
 * Any text as one line of Markdown in which nothing means anything: no link, no HTML, no formula, no end of what it stands
 * in. Pure.
 */
export function escapeMarkdown(text: string): string {
  // Characters that don't show, separate lines or are half of another.
  const plain = text.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim()
  const characters = [...plain]
  const short = characters.length <= LONGEST ? plain : `${characters.slice(0, LONGEST).join('')}…`
  // Every punctuation character of ASCII may be escaped, whether it means something there or not.
  return short.replaceAll(/[!-/:-@[-`{-~]/g, '\\$&')
}
