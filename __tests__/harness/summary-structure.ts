import { markdown } from './summary-page.js'

export interface Blocks {
  /** Types of all blocks, in their order, with what a fence is of. */
  readonly structure: readonly string[]
  /** Anything within a line that is neither text, code nor bold. */
  readonly strange: readonly string[]
  /** The texts of all items of lists. */
  readonly items: readonly string[]
}

/** What Markdown makes of a summary: nothing of it may depend on texts from outside. */
export function readBlocks(summary: string): Blocks {
  const tokens = markdown.parse(summary, {})
  const inline = tokens.flatMap(({ children }) => children ?? [])
  const known = new Set(['text', 'code_inline', 'strong_open', 'strong_close'])
  return {
    structure: tokens.map(({ type, info, tag }) => `${type} ${info} ${tag}`),
    strange: inline.filter(({ type }) => !known.has(type)).map(({ type, content }) => `${type} ${content}`),
    items: tokens.flatMap(({ type, children }, index) =>
      type === 'inline' && tokens[index - 2]?.type === 'list_item_open'
        ? [(children ?? []).map(({ content }) => content).join('')]
        : [],
    ),
  }
}
