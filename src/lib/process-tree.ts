import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readlinkSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'

/**
 * Processes that belong together, also when one of them has ended and those below it have fallen to init: Buildah puts
 * RUN steps into sessions and namespaces of their own, so neither a process group nor the tree alone holds them.
 */
export interface ProcessTree {
  /** Everything of it that still runs; who is seen once, and the user namespace it lives in, stays known. */
  readonly running: () => Promise<number[]>
  /** Lets go of the namespaces. */
  readonly close: () => void
}

interface Process {
  readonly pid: number
  readonly parent: number
  /** Clock ticks since the machine started; tells a process from a later one with its number. */
  readonly started: string
  readonly zombie: boolean
}

/** Follows the processes that this one has started and theirs, or, in another process, those that `roots` finds. */
export function followProcessTree(roots: () => Promise<number[]> = () => Promise.resolve([process.pid])): ProcessTree {
  const seen = new Map<number, string>()
  /** User namespaces by name. Each is held open: the kernel gives the name of one that is gone to the next that is made. */
  const spaces = new Map<string, number>()
  return {
    async running() {
      const all = await listProcesses()
      const members = new Map(below(all, await roots()).map((found) => [found.pid, found]))
      for (const found of all) if (seen.get(found.pid) === found.started) members.set(found.pid, found)
      for (const { pid } of members.values()) hold(pid, spaces)
      for (const found of spaces.size > 0 ? all : []) {
        if (spaces.has(await userNamespaceOf(found.pid))) members.set(found.pid, found)
      }
      members.delete(process.pid)
      for (const { pid, started } of members.values()) seen.set(pid, started)
      return [...members.values()].filter(({ zombie }) => !zombie).map(({ pid }) => pid)
    },
    close() {
      for (const descriptor of spaces.values()) closeSync(descriptor)
      spaces.clear()
    },
  }
}

/** Programs that are known by a variable of their environment, with what they start. */
export interface MarkedTree extends ProcessTree {
  /** What the environment of a program has to have, so that it is followed. */
  readonly mark: Readonly<Record<string, string>>
}

/**
 * Follows what is started with a mark of its own. Being a child of this process tells nothing: builds, pushes and packing go
 * on side by side, and between fork(2) and execve(2) a child has the environment of this process.
 */
export function followMarked(): MarkedTree {
  const name = `ROOTLESS_IMAGE_BUILD_${randomUUID().replaceAll('-', '')}`
  return { mark: { [name]: '1' }, ...followProcessTree(() => startedWith(`${name}=`)) }
}

async function environmentOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0')
}

/** Ends a family and lets go of it: first asks (SIGTERM), after `graceMs` insists (SIGKILL), gives up after twice that. */
export async function endProcessTree(processTree: ProcessTree, graceMs: number): Promise<void> {
  try {
    await endAll(processTree, graceMs)
  } finally {
    processTree.close()
  }
}

async function endAll(processTree: ProcessTree, graceMs: number): Promise<void> {
  const deadline = Date.now() + graceMs
  const asked = new Set<number>()
  for (;;) {
    const running = await processTree.running()
    if (running.length === 0) return
    const late = Date.now() >= deadline
    for (const pid of running) {
      if (late) kill(pid, 'SIGKILL')
      else if (!asked.has(pid)) kill(pid, 'SIGTERM')
      asked.add(pid)
    }
    if (Date.now() >= deadline + graceMs) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/**
 * The processes with such a variable in the environment that they were started with, as far as it may be read.
 * @param start of `NAME=value`
 */
export async function startedWith(start: string): Promise<number[]> {
  const found = await Promise.all(
    (await listProcesses()).map(async ({ pid }) =>
      (await environmentOf(pid)).some((one) => one.startsWith(start)) ? [pid] : [],
    ),
  )
  return found.flat().filter((pid) => pid !== process.pid)
}

/** When a process was started, in clock ticks since the machine was; undefined if there is none of that number. */
export async function startOf(pid: number): Promise<string | undefined> {
  const found = await readProcess(pid)
  return found === undefined || found.zombie ? undefined : found.started
}

async function listProcesses(): Promise<Process[]> {
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(entries.map((entry) => readProcess(Number(entry))))
  return found.filter((one) => one !== undefined)
}

async function readProcess(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is the program's name in parentheses and may itself hold any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, parent] = fields
  const started = fields[19]
  if (parent === undefined || started === undefined) return undefined
  return { pid, parent: Number(parent), started, zombie: state === 'Z' }
}

/** The roots and everything below them. */
function below(all: readonly Process[], roots: readonly number[]): Process[] {
  const found = all.filter(({ pid }) => roots.includes(pid))
  for (const one of found) found.push(...all.filter((other) => other.parent === one.pid && !found.includes(other)))
  return found
}

/** Holds the user namespace of a process, unless it is the one of this process. */
function hold(pid: number, spaces: Map<string, number>): void {
  let descriptor: number
  try {
    descriptor = openSync(`/proc/${pid}/ns/user`, 'r')
  } catch {
    // It has ended, or is another user's; what can't be looked into isn't followed.
    return
  }
  const name = readlinkSync(`/proc/self/fd/${descriptor}`)
  if (spaces.has(name) || name === readlinkSync('/proc/self/ns/user')) closeSync(descriptor)
  else spaces.set(name, descriptor)
}

async function userNamespaceOf(pid: number): Promise<string> {
  return await readlink(`/proc/${pid}/ns/user`).catch(() => '')
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended between the look and the kill, or belongs to root (a program run by sudo, which passes signals on).
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
