import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { attempt } from '../../../src/exec.js'
import { endProcessTree, followMarked, followProcessTree, startedWith } from '../../../src/lib/process-tree.js'
import { temporaryFolder } from '../helpers.js'

const env = { PATH: process.env['PATH'] ?? '' }
/** Longer than a test may take, in milliseconds. */
const LONG = 600_000
const stubborn = 'trap "" TERM; while :; do sleep 0.05; done'

/** Whether a process is there and hasn't ended. */
function runs(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10)
}

/** User namespaces that this process holds open. */
function namespacesHeld(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`)
      return target.startsWith('user:') ? [target] : []
    } catch {
      // That of the folder itself, which is closed by now.
      return []
    }
  })
}

const started: string[] = []
// Whatever a test has come to, nothing of it runs on.
afterEach(() => {
  for (const pid of started.splice(0).filter(runs)) process.kill(Number(pid), 'SIGKILL')
})

/**
 * Starts a script that writes process IDs into the file `$1`, one a line, and waits for as many. It may wait for the
 * file `$2`, which `go` makes.
 */
async function start(script: string, count: number, prefix: readonly string[] = [], variables = {}) {
  const [file, sign] = [join(temporaryFolder(), 'pids'), join(temporaryFolder(), 'go')]
  writeFileSync(file, '')
  const argv = [...prefix, '/bin/sh', '-c', script, 'sh', file, sign]
  const ended = attempt(argv, { env: { ...env, ...variables } })
  const read = () => readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const wait = async (wanted: number) => {
    await until(() => read().length >= wanted)
    started.push(...read())
    return read()
  }
  const go = () => {
    writeFileSync(sign, '')
  }
  return { pids: await wait(count), ended, wait, go }
}

describe('endFamily', () => {
  it('ends a program and what it has put into a session of its own', async () => {
    const script = 'echo $$ >>"$1"; setsid sh -c \'echo $$ >>"$1"; sleep 60 & echo $! >>"$1"; wait\' sh "$1" & wait'
    const { pids, ended } = await start(script, 3)
    expect(pids.map(runs)).toStrictEqual([true, true, true])
    await endProcessTree(followProcessTree(), 2000)
    expect(pids.map(runs)).toStrictEqual([false, false, false])
    expect((await ended).exitCode).not.toBe(0)
  })

  it('asks first', async () => {
    const file = join(temporaryFolder(), 'asked')
    const script = `trap 'echo bye >"${file}"; exit 5' TERM; echo $$ >>"$1"; while :; do sleep 0.05; done`
    const { ended } = await start(script, 1)
    await endProcessTree(followProcessTree(), LONG)
    expect(readFileSync(file, 'utf8')).toBe('bye\n')
    expect((await ended).exitCode).toBe(5)
  })

  it('insists after the grace', async () => {
    const { pids, ended } = await start(`echo $$ >>"$1"; ${stubborn}`, 1)
    const before = performance.now()
    await endProcessTree(followProcessTree(), 300)
    expect(performance.now() - before).toBeGreaterThan(250)
    expect(pids.map(runs)).toStrictEqual([false])
    await ended
  })

  // As when Buildah ends at once and the RUN step that it has started doesn't heed the signal.
  it('insists also with what is left of a program that has ended', async () => {
    const child = `echo $$ >>"$1"; exec >/dev/null 2>&1; ${stubborn}`
    const { pids, ended } = await start(`echo $$ >>"$1"; setsid sh -c '${child}' sh "$1" & wait`, 2)
    await endProcessTree(followProcessTree(), 300)
    expect(pids.map(runs)).toStrictEqual([false, false])
    await ended
  })

  it('returns at once where nothing runs', async () => {
    await endProcessTree(followProcessTree(), LONG)
  })
})

describe('followFamily', () => {
  /** Starts something, waits for `go`, and ends; what it has started falls to init. */
  const orphaning = `setsid sh -c 'echo $$ >>"$1"; exec sleep 60 >/dev/null 2>&1' sh "$1" &
    while [ ! -e "$2" ]; do sleep 0.02; done`

  it('remembers whom it has seen, when they have lost their parents', async () => {
    const processTree = followProcessTree()
    const { pids, ended, go } = await start(orphaning, 1)
    await processTree.running()
    go()
    await ended
    expect((await processTree.running()).map(String)).toStrictEqual(pids)
    await endProcessTree(processTree, 2000)
    expect(pids.map(runs)).toStrictEqual([false])
  })

  it('leaves alone whom it has never seen and who is nobody’s child of it', async () => {
    const { pids, ended, go } = await start(orphaning, 1)
    go()
    await ended
    await endProcessTree(followProcessTree(), 300)
    expect(pids.map(runs)).toStrictEqual([true])
  })

  it('does not count one that has ended and that its parent never asks for', async () => {
    // By then `exec` has put a program in the place of the shell that would have asked.
    const { pids, ended } = await start('echo $$ >>"$1"; sleep 0.3 & echo $! >>"$1"; exec sleep 60', 2)
    const [parent, zombie = ''] = pids
    await until(() => readFileSync(`/proc/${zombie}/stat`, 'utf8').includes(') Z '))
    const processTree = followProcessTree()
    expect((await processTree.running()).map(String)).toStrictEqual([parent])
    await endProcessTree(processTree, 2000)
    await ended
  })

  it('has no member where nothing runs, and is none itself', async () => {
    expect(await followProcessTree().running()).toStrictEqual([])
    expect(await followProcessTree(() => Promise.resolve([process.pid])).running()).toStrictEqual([])
  })

  it('follows others from the roots that it is given', async () => {
    const { pids, ended } = await start('echo $$ >>"$1"; sleep 60 & echo $! >>"$1"; wait', 2)
    const [shell = '', child = ''] = pids
    await endProcessTree(
      followProcessTree(() => Promise.resolve([Number(child)])),
      2000,
    )
    expect(runs(child)).toBe(false)
    // Its parent is no member: it ends by itself, since its child has.
    expect((await ended).exitCode).not.toBe(-1)
    expect(runs(shell)).toBe(false)
  })

  const unshare = ['unshare', '--user', '--map-root-user', '--mount']
  const may = spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'true'], { env }).status === 0
  // Where this user can make no namespace, there is none to follow.
  ;(may ? it : it.skip)(
    'finds those in a namespace of the family that it has never seen (needs namespaces)',
    async () => {
      const late = `echo $$ >>"$1"; while [ ! -e "$2" ]; do sleep 0.02; done
      setsid sh -c 'echo $$ >>"$1"; exec sleep 60 >/dev/null 2>&1' sh "$1" & sleep 0.1`
      const processTree = followProcessTree()
      const { ended, go, wait } = await start(late, 1, unshare)
      await processTree.running()
      go()
      const pids = await wait(2)
      await ended
      expect(pids.map(runs)).toStrictEqual([false, true])
      expect(namespacesHeld()).toHaveLength(1)
      await endProcessTree(processTree, 2000)
      expect(pids.map(runs)).toStrictEqual([false, false])
      // It lets go of the namespace, which would live on with it.
      expect(namespacesHeld()).toStrictEqual([])
    },
  )
})

describe('followMarked', () => {
  const sleeping = 'echo $$ >>"$1"; setsid sh -c \'echo $$ >>"$1"; exec sleep 60\' sh "$1" & wait'

  it('ends what has its mark, with what that has started, and nothing else of this process', async () => {
    const processTree = followMarked()
    const marked = await start(sleeping, 2, [], processTree.mark)
    const others = [await start(sleeping, 2), await start(sleeping, 2, [], followMarked().mark)]
    await endProcessTree(processTree, 2000)
    expect(marked.pids.map(runs)).toStrictEqual([false, false])
    expect(others.flatMap(({ pids }) => pids.map(runs))).toStrictEqual([true, true, true, true])
    await endProcessTree(followProcessTree(), 2000)
    await Promise.all([marked, ...others].map(({ ended }) => ended))
  })

  it('follows a program with two marks for both', async () => {
    const [one, other] = [followMarked(), followMarked()]
    const { pids, ended } = await start(sleeping, 2, [], { ...one.mark, ...other.mark })
    const seen = await Promise.all([one, other].map((tree) => tree.running()))
    expect(seen.map((found) => found.map(String).toSorted())).toStrictEqual([pids.toSorted(), pids.toSorted()])
    await endProcessTree(one, 2000)
    await ended
    other.close()
  })
})

describe('startedWith', () => {
  it('finds programs by the start of a variable of theirs', async () => {
    const path = temporaryFolder()
    const script = 'echo $$ >>"$1"; while [ ! -e "$2" ]; do sleep 0.02; done'
    const { pids, ended, go } = await start(script, 1, [], { CONTAINERS_STORAGE_CONF: `${path}/storage.conf` })
    const other = await start(script, 1, [], { CONTAINERS_STORAGE_CONF: `${path}.other/x` })
    const found = (await startedWith(`CONTAINERS_STORAGE_CONF=${path}/`)).map(String)
    for (const { go: end } of [{ go }, other]) end()
    await Promise.all([ended, other.ended])
    expect(found).toEqual(expect.arrayContaining(pids))
    expect(found).not.toEqual(expect.arrayContaining(other.pids))
  })

  it('finds nobody where nobody has it', async () => {
    expect(await startedWith(`RIB_UNIT_TEST=${temporaryFolder()}`)).toStrictEqual([])
  })
})
