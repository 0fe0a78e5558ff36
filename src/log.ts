import { type AnnotationProperties, debug as debugCommand, isDebug, warning } from '@actions/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import type { Place } from './errors.js'
import { isCancelled } from './lib/cancellation.js'

/** What was warned of, for those who gather it; each gathers what is done for it, and nothing of anybody else's. */
const gathering = new AsyncLocalStorage<Set<string>>()

/** What stands before each line that is said for one of several builds, such as `linux/arm64: `. */
const prefixing = new AsyncLocalStorage<string>()

/** Lines that wait for the end of their phase, since its time comes before them. */
interface Held {
  text: string
  /** What stands behind the group, where everybody sees it. */
  results: string
  isWaiting: boolean
}
const holding = new AsyncLocalStorage<Held>()
/** The longest that a log is silent while something goes on. */
export const PROGRESS_INTERVAL_MS = 15_000

/** Prints lines into the log of the step; none of them can be a workflow command, whoever wrote the text. */
export function info(text: string): void {
  const held = holding.getStore()
  const line = `${escapeCommands(prefixed(text))}\n`
  if (held?.isWaiting === true) held.text += line
  else process.stdout.write(line)
}

/** The same for what a phase has come to: its lines stand behind the group of the phase, which the runner shows folded. */
export function result(text: string): void {
  const held = holding.getStore()
  if (held?.isWaiting === true) held.results += `${escapeCommands(prefixed(text))}\n`
  else info(text)
}

/** For whoever has switched on the debug log of the runner (`ACTIONS_STEP_DEBUG`). It can't be another command. */
export function debug(text: string): void {
  // Who isn't a runner would show them to everybody.
  if (isDebug()) debugCommand(text)
}

/**
 * Makes a group of the log of what is said in a phase, with a title that is known only when it is over. Whoever waits too
 * long gets the lines as they come, and the title behind them. Warnings don't wait: in a group they would be hidden.
 */
export async function printGroup<T>(title: () => string, work: () => Promise<T>): Promise<T> {
  const held: Held = { text: '', results: '', isWaiting: true }
  const release = (): string => {
    held.isWaiting = false
    return held.text + held.results
  }
  const timer = setTimeout(() => process.stdout.write(release()), PROGRESS_INTERVAL_MS)
  try {
    return await holding.run(held, work)
  } finally {
    clearTimeout(timer)
    const { text, results } = held.isWaiting ? held : { text: '', results: '' }
    held.isWaiting = false
    const name = prefixed(title())
    const group = text === '' ? `${escapeCommands(name)}\n` : `::group::${name}\n${text}::endgroup::\n`
    process.stdout.write(group + results)
  }
}

/**
 * Warns: the runner also shows the text next to the log. It can't be another command, whoever wrote it.
 * @param mark where it is shown as well
 */
export function warn(text: string, mark: AnnotationProperties = {}): void {
  if (isCancelled()) {
    info(text)
    return
  }
  const line = `${prefixing.getStore() ?? ''}${text}`
  gathering.getStore()?.add(line)
  warning(line, mark)
}

/** A line that a message is shown at. GitHub finds a file of the checkout by its path in there, and no other. Pure. */
export function markAt(place: Place | undefined, workspace: string): AnnotationProperties {
  const isThere = place?.file.startsWith(`${workspace}/`) === true
  return isThere ? { file: place.file.slice(workspace.length + 1), startLine: place.line } : {}
}

/** Puts a name before each line of the log that is said meanwhile: several builds may speak at the same time. */
export async function withPrefix<T>(name: string, work: () => Promise<T>): Promise<T> {
  return await prefixing.run(`${name}: `, work)
}

function prefixed(text: string): string {
  const prefix = prefixing.getStore()
  return prefix === undefined ? text : text.replaceAll(/^/gm, prefix)
}

/** Does something, and adds what is warned of meanwhile, also where it fails. */
export async function gatherWarnings<T>(warnings: Set<string>, work: () => Promise<T>): Promise<T> {
  return await gathering.run(warnings, work)
}

/**
 * A text in which the runner finds no workflow command: it takes `::name::` at the start of a line for one, and the
 * older `##[name]` anywhere. Pure.
 */
export function escapeCommands(text: string): string {
  return text.replaceAll(/^(?=[\s\u0085]*::)/gm, '> ').replaceAll('##[', '## [')
}

/**
 * Lets a program print into a group of the log as it goes. Whatever it prints, the runner takes none of it for a
 * command: they are stopped by a token that the program can't know, and resumed behind it. Of one of several builds,
 * whose groups and tokens would meet, each line is shown as `info` would.
 * @param title of the group
 * @param command the command line, shown first
 */
export async function printLive<T>(
  title: string,
  command: string,
  run: (onOutput: (chunk: Buffer) => void) => Promise<T>,
): Promise<T> {
  if (prefixing.getStore() !== undefined) return await printLines(command, run)
  const token = randomBytes(16).toString('hex')
  const newline = 0x0a
  let last = newline
  process.stdout.write(`::group::${title}\n::stop-commands::${token}\n${command}\n`)
  try {
    return await run((chunk) => {
      process.stdout.write(chunk)
      last = chunk.at(-1) ?? last
    })
  } finally {
    // Both count only at the start of a line.
    process.stdout.write(`${last === newline ? '' : '\n'}::${token}::\n::endgroup::\n`)
  }
}

async function printLines<T>(command: string, run: (onOutput: (chunk: Buffer) => void) => Promise<T>): Promise<T> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  info(command)
  try {
    return await run((chunk) => {
      const lines = `${rest}${decoder.write(chunk)}`.split('\n')
      rest = lines.pop() ?? ''
      if (lines.length > 0) info(lines.join('\n'))
    })
  } finally {
    if (rest !== '') info(rest)
  }
}
