import { posix } from 'node:path'
import { type CopyPattern, copyPattern } from '../dockerfile/copies.js'
import type { ContextPath } from '../dockerfile/dependencies.js'

/** What a path takes of a context; of one path there are several rules, where links lead elsewhere. */
export interface Rule {
  /** Key of the path. */
  readonly of: string
  /** A path in the context as COPY has it; '' for all of it. */
  readonly text: string
  readonly pattern: CopyPattern
  readonly isMounted: boolean
  /** Only the engine can read what is taken: it may be anything, also behind a link. */
  readonly isGuess: boolean
  /** Whether what is left out of the context counts as well. */
  readonly isWhole: boolean
  /** Links that are on the way to what is taken: which way they lead counts. */
  readonly links: ReadonlySet<string>
}

const ALL: CopyPattern = { takes: () => true, leadsThrough: () => true, depth: 0 }

/** A text that is another one for each path that differs in anything. Pure. */
export function keyOf({ path, mounted, guessed }: ContextPath): string {
  return `${mounted ? 'mount' : 'copy'} ${guessed === true ? 'something of' : ''} ${path}`
}

/** The rule for what a path takes where no link is on the way. Pure. */
export function ruleOf(path: ContextPath): Rule {
  const pattern = path.guessed === true ? undefined : copyPattern(path.path)
  return {
    ...{ of: keyOf(path), text: pattern === undefined ? '' : path.path, pattern: pattern ?? ALL },
    ...{ isMounted: path.mounted, isGuess: pattern === undefined, isWhole: path.mounted, links: new Set() },
  }
}

/**
 * The rule for what lies behind a link that is on the way of another rule. Pure.
 * @param path of the link, relative to the context
 * @throws Error for one that a mount may follow out of the context
 */
export function behindLink(rule: Rule, path: string, target: string): Rule {
  const absolute = posix.join('/', posix.dirname(path), target)
  const isInside = !target.startsWith('/') && !posix.join(posix.dirname(path), target).startsWith('..')
  if (rule.isMounted && !isInside) throw new Error(`the link ${path} leads out of the context`)
  // Nothing that is copied is looked for above the context, wherever a link leads.
  const start = target.startsWith('/') ? posix.join('/', target) : absolute
  const rest = rule.text.split('/').slice(path.split('/').length)
  const text = [...start.split('/'), ...rest].filter((name) => name !== '').join('/')
  const pattern = copyPattern(text)
  return { ...rule, text, pattern: pattern ?? ALL, isGuess: false, isWhole: true, links: new Set() }
}
