import { readFile, readlink, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readBootId } from '../lib/boot-id.js'
import { parseObject } from '../lib/json.js'
import { startOf } from '../lib/process-tree.js'

/** Which process still needs a private folder; written into it. */
const NAME = 'keeper.json'

/** Notes that a folder is needed as long as this process runs. */
export async function keepForSelf(folder: string): Promise<void> {
  await write(folder, process.pid)
}

/** Notes that a folder is needed as long as the parent process runs: the runner, which still has to run the post step. */
export async function keepForRunner(folder: string): Promise<void> {
  // Without the note, the next step removes the folder earlier.
  await write(folder, process.ppid).catch(() => undefined)
}

/** Whether no process needs a folder any more; false if that is unknown. */
export async function isForsaken(folder: string): Promise<boolean> {
  const noted = parseObject(await readFile(join(folder, NAME), 'utf8').catch(() => ''))
  const { boot, space, pid, started } = noted
  if (typeof boot !== 'string' || typeof pid !== 'number') return false
  const here = await host()
  if (boot !== here.boot) return here.boot !== ''
  // In a namespace of its own a number is another process, and what started a container isn't in it.
  if (space !== here.space || pid <= 1) return false
  return (await startOf(pid)) !== started
}

async function write(folder: string, pid: number): Promise<void> {
  const text = JSON.stringify({ ...(await host()), pid, started: await startOf(pid) })
  // Written aside and renamed, so that no reader sees half of it.
  await writeFile(join(folder, `${NAME}.new`), text, { mode: 0o600 })
  await rename(join(folder, `${NAME}.new`), join(folder, NAME))
}

async function host(): Promise<{ readonly boot: string; readonly space: string }> {
  return { boot: await readBootId(), space: await readlink('/proc/self/ns/pid').catch(() => '') }
}
