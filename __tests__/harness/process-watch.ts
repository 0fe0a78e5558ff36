import { readdirSync, readFileSync } from 'node:fs'

/** One program that a test has started, itself or by what it started, as it was seen while it ran. */
export interface SeenProcess {
  readonly pid: number
  /** The real user on this machine, whoever it is in a namespace of its own. */
  readonly uid: number
  readonly argv: readonly string[]
  readonly environment: string
}

const everyMilliseconds = 15

/**
 * Looks again and again at all processes below this one while something runs.
 * @param onSeen is called for each new program, mostly while it still runs; files that are gone by then are no error
 * @returns what the run gave, and all that was seen, each program once
 */
export async function watchProcesses<T>(
  run: () => Promise<T>,
  onSeen: (seen: SeenProcess) => void = () => undefined,
): Promise<{ result: T; seen: readonly SeenProcess[] }> {
  const seen = new Map<string, SeenProcess>()
  const failures: unknown[] = []
  const look = (): void => {
    for (const pid of descendants()) {
      const found = describe(pid)
      if (found === undefined || seen.has(keyOf(found))) continue
      seen.set(keyOf(found), found)
      try {
        onSeen(found)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failures.push(error)
      }
    }
  }
  const timer = setInterval(look, everyMilliseconds)
  const result = await run().finally(() => {
    clearInterval(timer)
  })
  if (failures.length > 0) throw failures[0]
  return { result, seen: [...seen.values()] }
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
