/** More than a reader of Markdown looks for in one place. */
const MAX_TICKS = 60
const MAX_LINE = 2000

/**
 * Any text as code within one line of Markdown: no link, no HTML, no end of what it stands in. It isn't escaped, since the
 * runner masks secrets in a summary, and finds none whose characters stand behind backslashes. Pure.
 */
export function inlineCode(text: string): string {
  const plain = withoutRuns(text.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim())
  // Cut between characters, not within one.
  const start = /^.{0,500}/u.exec(plain)?.[0] ?? ''
  const short = start === plain ? plain || '(empty)' : `${start}…`
  const fence = fenceAround(short, 1)
  const pad = /^`|`$/.test(short) ? ' ' : ''
  return `${fence}${pad}${short}${pad}${fence}`
}

/** The last of these lines of any text as a block of code. Pure. */
export function codeBlock(lines: readonly string[], limit: number): string[] {
  const shown = lines.slice(-limit).map((line) => withoutRuns(visible(line)))
  const fence = fenceAround(shown.join('\n'), 3)
  return [`${fence}text`, ...(lines.length > limit ? ['…'] : []), ...shown, fence]
}

/** What a terminal shows of a line in the end: programs write over what they have written. */
function visible(line: string): string {
  const last = line.trimEnd().split('\r').at(-1) ?? ''
  const plain = last.replaceAll('\t', '  ').replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
  return /^.*/u.exec(plain.slice(0, MAX_LINE))?.[0] ?? ''
}

function withoutRuns(text: string): string {
  return text.replaceAll(new RegExp(`\`{${MAX_TICKS},}`, 'g'), '`'.repeat(MAX_TICKS))
}

/** Backticks that are more than any in a row there. */
function fenceAround(text: string, fewest: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  return '`'.repeat(Math.max(fewest, longest + 1))
}
