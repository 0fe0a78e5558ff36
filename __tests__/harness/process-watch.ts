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
  const parents = new Map<string, string>()
  const look = (): void => {
    for (const pid of descendants(parents)) {
      const program = programOf(pid)
      if (program === undefined || seen.has(keyOf(program))) continue
      const found = { ...program, environment: read(`/proc/${pid}/environ`) }
      seen.set(keyOf(program), found)
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

type Program = Omit<SeenProcess, 'environment'>

function keyOf({ pid, uid, argv }: Program): string {
  return [pid, uid, ...argv].join('\0')
}

/**
 * @param parents what the look before has found, which is brought up to date: to read all of /proc each time would keep a
 * processor busy, which those have to share that are looked at
 */
function descendants(parents: Map<string, string>): number[] {
  const alive = new Set(readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)))
  for (const pid of parents.keys()) if (!alive.has(pid)) parents.delete(pid)
  const children = new Map<string, string[]>()
  for (const pid of alive) {
    // What has lost its parent has another one.
    const known = parents.get(pid)
    const parent = known !== undefined && alive.has(known) ? known : parentOf(pid)
    parents.set(pid, parent)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found: string[] = []
  for (const queue = [String(process.pid)]; queue.length > 0;) {
    const below = children.get(queue.shift() ?? '') ?? []
    found.push(...below)
    queue.push(...below)
  }
  return found.map(Number)
}

function parentOf(pid: string): string {
  // The name of the program stands in parentheses and may itself hold any character.
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? ''
}

function programOf(pid: number): Program | undefined {
  const argv = read(`/proc/${pid}/cmdline`).split('\0').slice(0, -1)
  const uid = argv.length === 0 ? undefined : /^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]
  return uid === undefined ? undefined : { pid, uid: Number(uid), argv }
}

// A process may end between two looks.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
