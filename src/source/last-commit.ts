import { readFile, realpath } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import type { Context } from '../runner/context.js'
import { git } from './git.js'
import { quote } from '../lib/quote.js'

/** The commit that what is built comes from. */
export interface Origin {
  /** Hexadecimal. */
  readonly sha: string
  readonly date: Date
}

/** Why that isn't known, as a sentence without its full stop. */
export interface NoOrigin {
  readonly why: string
}

/** What is built of a checkout. */
export interface OriginRequest {
  /** Absolute paths of folders and files, beyond which nothing counts. */
  readonly places: readonly string[]
  /** Absolute paths of files that are there, and count. */
  readonly files: readonly string[]
  /** Whether a file would count, were it there: absolute. */
  readonly counts: (path: string) => boolean
}

interface Commit extends Origin {
  readonly paths: readonly string[]
}

const STATUS = ['--porcelain=v1', '-z', '--no-renames', '--untracked-files=no']
/** So many commits are looked at, then so many more: what changed last is mostly among the last. */
const BATCHES = [1, 200, 20_000, Infinity]

/**
 * The last commit that changed any of what is built, as the history of the checkout tells it. What no commit has, or a
 * history that was cut off, can't tell.
 */
export async function findOrigin(
  { places, files, counts }: OriginRequest,
  context: Context,
): Promise<Origin | NoOrigin> {
  const facts = await git(['rev-parse', '--show-toplevel', '--git-path', 'shallow'], context)
  const [top, shallow] = facts?.split('\n') ?? []
  if (top === undefined || shallow === undefined) return { why: 'the workspace is no checkout that Git can read' }
  const inside = await insideOf(top, places)
  if (inside === undefined) return { why: 'what is built lies outside of the checkout' }
  const limit = ['--', ...inside.map((path) => `:(top,literal)${path}`)]
  const [tracked, changed, cut] = await Promise.all([
    git(['ls-files', '-z', '--full-name', ...limit], context),
    // A monitor would be a program that the configuration names.
    git(['-c', 'core.fsmonitor=false', 'status', ...STATUS, ...limit], context),
    readFile(resolve(context.workspace, shallow), 'utf8').catch(() => ''),
  ])
  const real = await realpath(context.workspace).catch(() => context.workspace)
  const pathOf = (path: string) => resolve(top, path)
  const known = new Set(tracked?.split('\0').map(pathOf))
  const stranger = files.find((path) => !known.has(path))
  if (stranger !== undefined) return { why: `${quote(relative(real, stranger))} is in no commit` }
  const edited = changed?.split('\0').find((line) => line !== '' && counts(pathOf(line.slice(3))))
  if (edited !== undefined) return { why: `${quote(edited.slice(3))} has changes that are in no commit` }
  const commit = await lastCommit(limit, (path) => counts(pathOf(path)), context)
  if (commit === undefined) return { why: 'no commit has changed it' }
  if (cut.split('\n').includes(commit.sha))
    return { why: 'the history of the checkout was cut off (`fetch-depth: 0` of actions/checkout has all of it)' }
  return { sha: commit.sha, date: commit.date }
}

/** Paths from the top of the checkout; undefined where one of them isn't below it. */
async function insideOf(top: string, places: readonly string[]): Promise<string[] | undefined> {
  const real = await Promise.all(places.map((place) => realpath(place).catch(() => place)))
  const inside = real.map((place) => relative(top, place))
  return inside.some((path) => path === '..' || path.startsWith('../')) ? undefined : inside
}

async function lastCommit(
  limit: readonly string[],
  counts: (path: string) => boolean,
  context: Context,
): Promise<Commit | undefined> {
  let done = 0
  for (const batch of BATCHES) {
    const count = batch === Infinity ? [] : [`--max-count=${batch}`]
    // A merge shows what it has from neither side alone.
    const shown = ['-z', '-c', '--name-only', '--no-renames', '--format=%x00%H %cI']
    const plain = ['-c', 'log.showSignature=false']
    const text = await git([...plain, 'log', `--skip=${done}`, ...count, ...shown, ...limit], context)
    const commits = readCommits(text ?? '')
    const found = commits.find(({ paths }) => paths.some(counts))
    if (found !== undefined || commits.length < batch) return found
    done += batch
  }
  return undefined
}

/**
 * Commits as `git log` prints them: an empty field, hash and time, a line break and names, all of them ended by a zero.
 * No name is empty, so that none looks like a commit.
 */
function readCommits(text: string): Commit[] {
  const commits: (Commit & { paths: string[] })[] = []
  const fields = text.split('\0')
  for (const [index, field] of fields.entries()) {
    const [, sha, date] = /^([0-9a-f]{40,64}) (\S+)$/.exec(field) ?? []
    const isFirst = fields[index - 2] === ''
    if (fields[index - 1] === '' && sha !== undefined && date !== undefined)
      commits.push({ sha, date: new Date(date), paths: [] })
    else if (field !== '') commits.at(-1)?.paths.push(isFirst ? field.replace(/^\n/, '') : field)
  }
  return commits
}
