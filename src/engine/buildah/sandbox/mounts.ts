import type { MountPoint } from '../../../lib/mount-info.js'
import { isBelow } from '../../../lib/paths.js'

/** A file or folder of the machine that is seen in the sandbox, at its own path. */
export interface Shown {
  /** Absolute. */
  readonly path: string
  readonly writable: boolean
  /** What is seen there, where that is something else. */
  readonly from?: string
}

export function writable(path: string): Shown {
  return { path, writable: true }
}

export function readOnly(path: string): Shown {
  return { path, writable: false }
}

/** A mount in the form of fstab(5). */
export interface Mount {
  readonly source: string
  /** Absolute path in the sandbox. */
  readonly target: string
  readonly type: string
  readonly options: readonly string[]
}

/** In a user namespace none of these can be taken off a mount that has come from outside. */
const LOCKED = ['nosuid', 'nodev', 'noexec', 'ro']

/**
 * The mounts that show a path, and, since the option `ro` of a mount isn't that of the mounts below it, each of these
 * once more. Pure.
 * @param real what the path is without symbolic links
 * @param points all mounts of the machine
 */
export function bindMounts({ path, writable }: Shown, real: string, points: readonly MountPoint[]): Mount[] {
  const bind = (source: string, options: readonly string[]): Mount => {
    const kept = LOCKED.filter((name) => options.includes(name) || (name === 'ro' && !writable))
    return { source, target: path + source.slice(real.length), type: 'none', options: ['rbind', ...kept] }
  }
  const around = points.filter((point) => isBelow(real, point.path)).sort(byDepth)
  const below = writable ? [] : points.filter((point) => point.path !== real && isBelow(point.path, real)).sort(byDepth)
  return [bind(real, around.at(-1)?.options ?? []), ...below.map((point) => bind(point.path, point.options))]
}

/**
 * The text of a table of mounts below `root`; pure.
 * @param writable folders in there that can still be written to when the root itself can't any more
 */
export function mountTable(mounts: readonly Mount[], writable: readonly string[], root: string): string {
  const own = writable.map((target) => ({ source: root + target, target, type: 'none', options: ['bind'] }))
  return [...own, ...mounts]
    .map(({ source, target, type, options }) =>
      [escapeOctal(source), escapeOctal(root + target), type, options.join(','), '0', '0\n'].join(' '),
    )
    .join('')
}

function byDepth(one: MountPoint, other: MountPoint): number {
  return one.path.length - other.path.length
}

function escapeOctal(text: string): string {
  return text.replace(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
