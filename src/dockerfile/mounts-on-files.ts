import { posix } from 'node:path'
import { isBelow } from '../lib/paths.js'
import { literal } from '../lib/regexp.js'
import type { Analysis } from './analysis.js'
import type { Instruction } from './dockerfile.js'
import { readWords } from './lines.js'
import { mountTarget, readMounts } from './mounts.js'
import { unquote } from './variables.js'

/** Folders that nearly all base images have; with those above and below them that they have, too. */
const OF_BASES = [
  ...['/tmp', '/var/tmp', '/var/cache/apt', '/var/lib/apt/lists', '/root', '/home', '/etc', '/opt', '/srv', '/run'],
  ...['/usr/bin', '/usr/lib', '/usr/local/bin', '/usr/local/lib', '/usr/share', '/bin', '/lib', '/sbin'],
]

/** What holds at a place in a stage. */
interface Place {
  readonly workdir: string
  /** Absolute paths that are there, or may be. */
  readonly paths: readonly string[]
  /** Commands that may have made others. */
  readonly commands: readonly string[]
}

/**
 * Mounts of RUN on what its stage has put there before, or nearly every base image has. Targets with a variable are left
 * out, and those of secrets and SSH agents, which are files of their own. Pure.
 */
export function mountsOnFiles({ stages }: Analysis): { readonly line: number; readonly target: string }[] {
  const ends: Place[] = []
  return stages.flatMap(({ stage, base }) => {
    const [parent] = base.stages.map((index) => ends[index])
    let place = parent ?? { workdir: '/', paths: OF_BASES, commands: [] }
    const found: { line: number; target: string }[] = []
    for (const instruction of stage.instructions) {
      const target = targetsOf(instruction, place).find((path) => isThere(path, place))
      if (target !== undefined) found.push({ line: instruction.line, target })
      place = behind(place, instruction)
    }
    ends.push(place)
    return found
  })
}

function targetsOf(instruction: Instruction, { workdir }: Place): string[] {
  return (
    readMounts(instruction)
      .filter(({ type = 'bind' }) => type !== 'secret' && type !== 'ssh')
      .map(({ text }) => mountTarget(text))
      .filter((target) => target !== '' && !target.includes('$'))
      .map((target) => posix.resolve(workdir, target))
      // No build mounts anything there.
      .filter((target) => target !== '/')
  )
}

function isThere(target: string, { workdir, paths, commands }: Place): boolean {
  // A command names the path or one below it, as a word or behind what a shell separates words by.
  const named = new RegExp(`(^|[^\\w./-])${literal(target)}(?![\\w.-])`)
  return [workdir, ...paths].some((path) => isBelow(path, target)) || commands.some((command) => named.test(command))
}

function behind(place: Place, { keyword, argument }: Instruction): Place {
  const { workdir, paths, commands } = place
  if (keyword === 'RUN') return { ...place, commands: [...commands, argument] }
  if (keyword !== 'WORKDIR' && keyword !== 'COPY' && keyword !== 'ADD') return place
  const { words, isJson } = readWords(argument)
  const last = (isJson ? words : words.map(unquote)).at(-1) ?? ''
  if (last.includes('$')) return place
  const path = posix.resolve(workdir, last)
  return { ...place, workdir: keyword === 'WORKDIR' ? path : workdir, paths: [...paths, path] }
}
