import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { formatIgnoreFile, ignoresBy, type IgnorePattern, parseIgnoreFile } from './dockerignore.js'

/** What no file is called. */
const NOBODY = '.rootless-image-build-nobody'
/** What has a meaning in a pattern, or in the regular expression that Buildah makes of it. */
const SPECIAL = /[\\*?[\](){}|+^\p{Cc}]/u

/** What Buildah must be told so that it finds what is taken back. */
export interface Unseen {
  /** They fit nothing. */
  readonly patterns: readonly IgnorePattern[]
  /** Folders whose names no line can have as they are: what is in them is lost. */
  readonly lost: readonly string[]
}

/**
 * Patterns without which Buildah would lose something that is taken back (`!`): it looks into a folder that is left out
 * only where such a line begins with the path of that folder, letter by letter. All versions tried do so, from 1.28 to
 * 1.43.
 * @param context absolute path
 */
export async function findUnseen(context: string, patterns: readonly IgnorePattern[]): Promise<Unseen> {
  const taken = patterns.filter(({ isException }) => isException).map(({ pattern }) => pattern)
  const isIgnored = ignoresBy(patterns)
  const isSeen = (folder: string) => taken.some((pattern) => `${pattern}/`.startsWith(folder))
  const unseen: string[] = []
  /** Whether anything in a folder is taken. */
  const visit = async (folder: string): Promise<boolean> => {
    await othersTurn()
    let hasTaken = false
    for (const entry of entriesOf(join(context, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      const isTaken = !isIgnored(path)
      const leads = entry.isDirectory() && taken.some((pattern) => mayReach(pattern, path))
      const before = unseen.length
      const hasBelow = leads && (await visit(path))
      // A line for a folder in it is one for the folder.
      if (!isTaken && hasBelow && unseen.length === before && !isSeen(path)) unseen.push(path)
      if (isTaken || hasBelow) hasTaken = true
    }
    return hasTaken
  }
  if (taken.length > 0) await visit('')
  return {
    patterns: unseen.filter(isWritable).map((folder) => patternOf(folder)),
    lost: unseen.filter((folder) => !isWritable(folder)),
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // What can't be read is told by the build.
    return []
  }
}

/** Whether a pattern may fit something in a folder. */
function mayReach(pattern: string, folder: string): boolean {
  const [wanted, names] = [pattern.split('/'), folder.split('/')]
  const folders = wanted.findIndex((name) => name.includes('**'))
  const sure = folders < 0 ? wanted : wanted.slice(0, folders)
  return names.every((name, index) => {
    const own = sure[index]
    return own === undefined || /[*?[\\]/.test(own) || own === name
  })
}

function patternOf(folder: string): IgnorePattern {
  return { pattern: `${folder}/${NOBODY}`, isException: true, line: 0 }
}

/** Whether a line can have a path as it is. */
function isWritable(folder: string): boolean {
  const pattern = patternOf(folder)
  const [read] = parseIgnoreFile(formatIgnoreFile([pattern]))
  return read?.pattern === pattern.pattern && read.isException && !SPECIAL.test(folder)
}
