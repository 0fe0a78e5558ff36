import { directivesOf, trim, trimStart } from './lines.js'

/** What `# check=skip=A,B;error=true` says, in a Dockerfile or in the build argument of BuildKit. */
export interface CheckOptions {
  /** Names of rules; `all` skips everything. */
  readonly skips: ReadonlySet<string>
  /** Whether a finding fails the build. */
  readonly isError: boolean
}

/** What a Dockerfile says of its own checks. */
export interface CheckDirectives {
  /** Of the directive at its top. */
  readonly file: CheckOptions
  /** Of the comments above an instruction that starts on this line, from 1. */
  readonly at: (line: number) => CheckOptions
}

/** The build argument that BuildKit takes the same from, in the place of the directive. */
export const CHECK_ARGUMENT = 'BUILDKIT_DOCKERFILE_CHECK'

const COMMENT = /^check[\t\f\r ]*=[\t\f\r ]*(\S+)/i

/** Reads the options of the checks. What BuildKit refuses says nothing here. Pure. */
export function parseCheckOptions(text: string): CheckOptions {
  const pairs = new Map(
    text.split(';').map((part) => {
      const [name = '', value = ''] = part.split(/=(.*)/s)
      return [name.trim(), value.trim()]
    }),
  )
  const names = (pairs.get('skip') ?? '').split(',').map((name) => name.trim())
  const isError = /^(1|t|true)$/i.test(pairs.get('error') ?? '')
  return { skips: new Set(names.filter((name) => name !== '')), isError }
}

/** The text of the directive `# check=…`; '' where there is none. Pure. */
export function checkDirectiveOf(text: string): string {
  return directivesOf(linesOf(text)).get('check') ?? ''
}

/** Reads what a Dockerfile says of its checks. @param given the text of the build argument, where there is one. Pure. */
export function readCheckDirectives(text: string, given?: string): CheckDirectives {
  const lines = linesOf(text)
  return {
    file: parseCheckOptions(given ?? checkDirectiveOf(text)),
    at: (line) => parseCheckOptions(commentsAbove(lines, line).flatMap((one) => COMMENT.exec(one)?.[1] ?? [])[0] ?? ''),
  }
}

/** The comments between an instruction and what stands before it, the first one first; an empty one takes back all. */
function commentsAbove(lines: readonly string[], line: number): string[] {
  const comments: string[] = []
  for (let index = line - 2; index >= 0; index -= 1) {
    const visible = trimStart(lines[index] ?? '')
    if (visible === '') continue
    const comment = trim(visible.slice(1))
    if (!visible.startsWith('#') || comment === '') break
    comments.unshift(comment)
  }
  return comments
}

function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split('\n')
}
