import { accountFor } from './account.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'
import { type Dice, diceOf } from './staleness-random.js'

/** What a run builds: an image of a branch, as its sources are by then. */
export interface FleetRun {
  readonly number: number
  readonly image: number
  readonly branch: string
  /** Whose run it is. */
  readonly machine: number
  /** Whether nobody can have left its early steps. */
  readonly isNew: boolean
  /** Contents of its files. */
  readonly files: { readonly deps: string; readonly src: string }
}

export interface FleetSize {
  readonly machines: number
  readonly images: number
  readonly branches: readonly string[]
  readonly runs: number
}

/** So large that it counts, and no two of them have anything in common. */
const DEPS_LINES = 4000

/**
 * Runs in the order in which they begin: of every other one, the sources have changed, and of one in eight what the early
 * steps read as well. A branch begins with what main has.
 */
export function planFleet({ machines, images, branches, runs }: FleetSize, seed: number): FleetRun[] {
  const dice = diceOf(seed)
  const sources = new Map<string, FleetRun['files']>()
  return Array.from({ length: runs }, (_, number) => {
    const [image, branch, machine] = [dice(images), branches[dice(branches.length)] ?? 'main', dice(machines)]
    const place = `${image} ${branch}`
    const before = sources.get(place) ?? sources.get(`${image} main`)
    const kind = dice(8)
    const isNew = before === undefined || kind === 0
    const files = {
      deps: isNew ? deps(dice) : before.deps,
      src: isNew || kind < 4 ? `src ${number}\n` : before.src,
    }
    sources.set(place, files)
    return { number, image, branch, machine, isNew, files }
  })
}

function deps(dice: Dice): string {
  return Array.from({ length: DEPS_LINES }, () => `${dice(2 ** 32)} ${dice(2 ** 32)}\n`).join('')
}

/** What the last file of the image of a run must have. */
export function madeOf({ files }: FleetRun): string {
  return files.deps + files.src
}

/** The step of a run. @param host of the registry, which has the base image as well */
export function stepOf(run: FleetRun, host: string, machines: readonly Machine[]): StepOptions {
  const ref = `refs/heads/${run.branch}`
  const lines = [`FROM ${host}/base/busybox:1`, 'COPY deps /srv/', 'RUN cp /srv/deps /built', 'COPY src /srv/']
  return {
    ...machines[run.machine],
    workspace: { Dockerfile: [...lines, 'RUN cat /built /srv/src > /made', ''].join('\n'), ...run.files },
    event: { name: 'push', payload: { repository: { full_name: 'acme/apps', default_branch: 'main' } } },
    env: { GITHUB_REF: ref },
    inputs: {
      ...{ images: imageOf(run, host), tags: `type=raw,value=run-${run.number}`, push: 'true', 'tls-verify': 'false' },
      ...{ cache: 'registry', isolation: 'chroot', unchanged: 'build' },
    },
  }
}

export function imageOf({ image }: Pick<FleetRun, 'image'>, host: string): string {
  return `${host}/acme/app-${image}`
}

type Machine = Pick<Required<StepOptions>, 'home' | 'toolCache'>

/** Machines that have nothing in common. */
export function makeMachines(count: number): Machine[] {
  const owner = accountFor('user')
  return Array.from({ length: count }, () => ({
    home: makeFolder('home', owner),
    toolCache: makeFolder('tools', owner),
  }))
}
