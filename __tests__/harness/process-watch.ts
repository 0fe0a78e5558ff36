import { readdirSync, readFileSync } from 'node:fs'

/** One program that a test has started, itself or by what it started, as it was seen while it ran. */
export interface SeenProcess {
  readonly pid: number
  /** The real user on this machine, whoever it is in a namespace of its own. */
  readonly uid: number
  readonly argv: readonly string[]
  readonly environment: string
}

export interface ProcessWatch {
  /** Ends the watch and gives all that it saw, each program once. */
  stop(): readonly SeenProcess[]
}

const everyMilliseconds = 15

/**
 * Looks again and again at all processes below this one.
 * @param onSeen is called for each new program while it still runs
 */
export function watchProcesses(onSeen?: (seen: SeenProcess) => void): ProcessWatch {
  const seen = new Map<string, SeenProcess>()
  const look = (): void => {
    for (const pid of descendants()) {
      const found = describe(pid)
      if (found === undefined || seen.has(keyOf(found))) continue
      seen.set(keyOf(found), found)
      onSeen?.(found)
    }
  }
  const timer = setInterval(look, everyMilliseconds)
  return {
    stop: () => {
      clearInterval(timer)
      return [...seen.values()]
    },
  }
}

function keyOf({ pid, uid, argv }: SeenProcess): string {
  return [pid, uid, ...argv].join('\0')
}

function descendants(): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    // The name of the program stands in parentheses and may itself hold any character.
    const stat = read(`/proc/${name}/stat`)
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found: number[] = []
  for (const queue = [process.pid]; queue.length > 0;) {
    const below = children.get(queue.shift() ?? 0) ?? []
    found.push(...below)
    queue.push(...below)
  }
  return found
}

function describe(pid: number): SeenProcess | undefined {
  const argv = read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1)
  const uid = /^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]
  if (argv.length === 0 || uid === undefined) return undefined
  return { pid, uid: Number(uid), argv, environment: read(`/proc/${pid}/environ`) }
}

// A process may end between two looks.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
