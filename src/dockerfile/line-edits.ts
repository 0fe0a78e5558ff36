import type { Dockerfile } from './dockerfile.js'

/** A change in the lines of one instruction. */
export interface LineEdit {
  /** That the instruction starts on, from 1. */
  readonly line: number
  /** The first of it is changed. */
  readonly find: RegExp
  readonly put: string
}

/** The text of a Dockerfile with these changes, each within the lines of its instruction. Pure. */
export function editLines(text: string, dockerfile: Dockerfile, edits: readonly LineEdit[]): string {
  const lines = text.split('\n')
  const starts = startsOf(dockerfile)
  // What is put there may have another length, but never other lines.
  for (const { line, find, put } of edits) {
    const end = starts.find((start) => start > line) ?? lines.length + 1
    const own = lines.slice(line - 1, end - 1).join('\n')
    lines.splice(line - 1, end - line, ...own.replace(find, () => put).split('\n'))
  }
  return lines.join('\n')
}

/** The lines that something begins on. */
function startsOf({ globals, stages }: Dockerfile): number[] {
  const all = [...globals, ...stages.flatMap((stage) => [stage, ...stage.instructions])]
  return all.map(({ line }) => line).sort((one, other) => one - other)
}
