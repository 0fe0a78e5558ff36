import { UserError } from '../errors.js'
import { formatDate } from './date-format.js'
import type { Call, Expressions } from './template.js'
import { quote } from '../lib/quote.js'

/** What the names, labels and annotations of an image are made from: the event that started the run, and the time. */
export interface NameContext {
  /** GITHUB_EVENT_NAME. */
  readonly eventName: string
  /** GITHUB_REF, whole: `refs/heads/main`, `refs/tags/v1.2.3`, `refs/pull/7/merge`. */
  readonly ref: string
  /** GITHUB_SHA. */
  readonly sha: string
  /** The payload's `base_ref` (a push, with `refs/heads/`) or `pull_request.base.ref`. */
  readonly baseRef?: string | undefined
  /** The payload's `repository.default_branch`. */
  readonly defaultBranch?: string | undefined
  /** The payload's `number` of a pull request. */
  readonly prNumber?: number | undefined
  /** The payload's `pull_request.head.sha`. */
  readonly prHeadSha?: string | undefined
  /** Name a pull request's image by the head of its branch instead of GITHUB_SHA, which is a merge made for the run. */
  readonly usePrHeadSha?: boolean | undefined
  /** Digits of a short sha, 7 by default. */
  readonly shortShaLength?: number | undefined
  readonly repository: RepositoryFacts
  readonly now: Date
  /** When the commit of `commitOf()` was made; `now` where that isn't known. */
  readonly commitDate?: Date | undefined
}

/** Of the payload's `repository`. */
export interface RepositoryFacts {
  readonly name: string
  readonly description?: string | undefined
  /** `html_url`. */
  readonly url?: string | undefined
  /** `license.spdx_id`. */
  readonly license?: string | undefined
}

export interface GitRef {
  readonly kind: 'branch' | 'tag' | 'pull' | 'other'
  /** Without its folder; of a pull request without `/merge`: its number. */
  readonly name: string
}

const folders = [
  ['branch', 'refs/heads/'],
  ['tag', 'refs/tags/'],
  ['pull', 'refs/pull/'],
] as const

/** The ref that names the image. A pull_request_target runs on its base branch, and is named by its pull request. */
export function refOf(context: NameContext): GitRef {
  const { eventName, prNumber } = context
  const ref =
    eventName === 'pull_request_target' && prNumber !== undefined ? `refs/pull/${prNumber}/merge` : context.ref
  for (const [kind, folder] of folders) {
    if (!ref.startsWith(folder)) continue
    const name = ref.slice(folder.length)
    return { kind, name: kind === 'pull' ? name.replace(/\/merge$/, '') : name }
  }
  return { kind: 'other', name: ref }
}

/** The commit that names the image. */
export function commitOf({ eventName, sha, prHeadSha, usePrHeadSha }: NameContext): string {
  return usePrHeadSha === true && eventName.startsWith('pull_request') ? (prHeadSha ?? sha) : sha
}

export function shortCommitOf(context: NameContext): string {
  return commitOf(context).slice(0, context.shortShaLength ?? 7)
}

export function commitDateOf({ commitDate, now }: NameContext): Date {
  return commitDate ?? now
}

/** For a message: `the event "push" on "refs/heads/main"`. */
export function describeEvent({ eventName, ref }: NameContext): string {
  return `the event ${quote(eventName)} on ${quote(ref)}`
}

/** The expressions that every rule, label and annotation may use. */
export function globalExpressions(context: NameContext): Expressions {
  const { kind, name } = refOf(context)
  const isDefault = isDefaultBranch(context)
  return new Map<string, string | ((call: Call) => string)>([
    ['branch', kind === 'branch' ? oneLine(name) : ''],
    ['tag', kind === 'tag' ? oneLine(name) : ''],
    ['sha', shortCommitOf(context)],
    ['base_ref', oneLine(baseOf(context))],
    ['is_default_branch', String(isDefault)],
    ['is_not_default_branch', String(!isDefault)],
    ['date', (call) => writeDate(context.now, call)],
    ['commit_date', (call) => writeDate(commitDateOf(context), call)],
  ])
}

/** The branch that a pull request goes to or that a pushed tag came from. */
function baseOf(context: NameContext): string {
  const { kind } = refOf(context)
  if (kind === 'tag') return context.baseRef?.replace(/^refs\/heads\//, '') ?? ''
  return kind === 'pull' ? (context.baseRef ?? '') : ''
}

// These events run on the last commit of the default branch, whatever else their payload names.
const defaultBranchEvents = ['create', 'discussion', 'discussion_comment', 'issues', 'schedule']

function isDefaultBranch(context: NameContext): boolean {
  const { kind, name } = refOf(context)
  if (name === '') return false
  return (kind === 'branch' && name === context.defaultBranch) || defaultBranchEvents.includes(context.eventName)
}

function writeDate(date: Date, { name, argument, options }: Call): string {
  if (argument === undefined) {
    throw new UserError(`the expression {{${name}}} has no format`, `Write {{${name} 'YYYYMMDD'}}.`)
  }
  const unknown = [...options.keys()].find((key) => key !== 'tz')
  if (unknown !== undefined) {
    throw new UserError(
      `the expression {{${name}}} has no option ${unknown}`,
      `Its one option is tz: {{${name} 'YYYYMMDD' tz='Europe/Paris'}}.`,
    )
  }
  return formatDate(date, argument, options.get('tz'))
}

/** A name from a payload can hold anything; in a label it must stay on its line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, '-')
}
