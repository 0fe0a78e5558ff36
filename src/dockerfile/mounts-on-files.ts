import { literal } from '../lib/regexp.js'
import type { Analysis } from './analysis.js'
import { BASE_WORKDIR, type PlacedMount, placedMounts } from './placed-mounts.js'
import { mayComeTo, partsBetween } from './variables.js'

/** Folders that nearly all base images have; with those above them that they have, too. */
const OF_BASES = [
  ...['/tmp', '/var/tmp', '/var/cache/apt', '/var/lib/apt/lists', '/root', '/home', '/etc', '/opt', '/srv', '/run'],
  ...['/usr/bin', '/usr/lib', '/usr/local/bin', '/usr/local/lib', '/usr/share', '/bin', '/lib', '/sbin'],
]

/** A path in a command that has a variable. */
const HIDDEN = /[^\s"'=:;&|<>()]*\$[^\s"'=:;&|<>()]*/g
/** A path that is a variable alone, and may be any. */
const ANY = /^\$(\w+|\{\w+\})$/

/**
 * Mounts of RUN on what its stage has put there before, or nearly every base image has; those of secrets and SSH agents,
 * which are files of their own, left out. A target with a variable that only the build knows is one of them if it may be,
 * and so is one that another path with such a variable ends as. Pure.
 */
export function mountsOnFiles(analysis: Analysis): { readonly line: number; readonly target: string }[] {
  return (
    placedMounts(analysis)
      .filter(({ type }) => type !== 'secret' && type !== 'ssh')
      // No build mounts anything on the root. Releases with the fault know no target such as `.`.
      .filter(({ target }) => target !== '/' && target !== BASE_WORKDIR)
      .filter(isThere)
      .filter(({ line }, index, all) => all.findIndex((other) => other.line === line) === index)
      .map(({ line, shown }) => ({ line, target: shown }))
  )
}

function isThere({ target, workdir, paths, commands }: PlacedMount): boolean {
  const hidden = commands.flatMap((command) => command.match(HIDDEN) ?? []).filter((path) => partsBetween(path))
  const there = [workdir, ...paths, ...OF_BASES, ...hidden].flatMap(upwards)
  return there.some(sameAs(target)) || commands.some(namedAs(target))
}

/** A path with the folders above it. */
function upwards(path: string): string[] {
  const names = path.split('/')
  const folders = names.map((_, index) => names.slice(0, index + 1).join('/'))
  return folders.filter((folder) => folder !== '' && !ANY.test(folder))
}

/** Whether a path may be the target. */
function sameAs(target: string): (path: string) => boolean {
  if (!target.includes('$')) return (path) => (path.includes('$') ? mayComeTo(path)(target) : path === target)
  const isTarget = mayComeTo(target)
  // The last variable may be empty.
  return (path) => isTarget(path) || isTarget(`${path}/`)
}

/** Whether a command may name the target or a path below it, as a word or behind what a shell separates words by. */
function namedAs(target: string): (command: string) => boolean {
  const parts = partsBetween(target)
  const start = target.startsWith('$') ? '' : '(^|[^\\w./-])'
  const pattern = parts && new RegExp(`${start}${parts.map(literal).join('\\S*')}(?![\\w.-])`)
  return (command) => pattern?.test(command) ?? true
}
