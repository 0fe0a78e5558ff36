/**
 * Any text as one line of Markdown in which nothing means anything: no link, no HTML, no formula, no end of what it stands
 * in. Pure.
 */
export function escapeMarkdown(text: string): string {
  // Characters that don't show, separate lines or are half of another.
  const plain = text.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim()
  // Cut between characters, not within one.
  const start = /^.{0,500}/u.exec(plain)?.[0] ?? ''
  const short = start === plain ? plain || '(empty)' : `${start}…`
  // Every punctuation character of ASCII may be escaped, whether it means something there or not.
  return short.replaceAll(/[!-/:-@[-`{-~]/g, '\\$&')
}
