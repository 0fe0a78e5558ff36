import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { runLive } from '../../../../src/engine/buildah/live.js'
import { startInBackground } from '../../../../src/lib/background-program.js'
import { logOf } from '../../helpers.js'
import { setupOf } from './script-as-buildah.js'

const until = async (path: string): Promise<number> => {
  while (!existsSync(path) || readFileSync(path, 'utf8') === '') await sleep(10)
  return Number(readFileSync(path, 'utf8'))
}

const runs = (pid: number): boolean => existsSync(`/proc/${pid}/exe`)

describe('runLive', () => {
  // A layer is packed while the build goes on, in a namespace that later programs enter as well.
  it('ends what the run has left, and nothing that was started beside it', async () => {
    const setup = setupOf(
      "#!/bin/sh\necho begun\nsetsid sh -c 'echo $$ >left; exec sleep 600' >/dev/null 2>&1 &\nuntil [ -s left -a -s beside ]; do sleep 0.02; done\n",
    )
    const { path, env } = setup.folder
    const [left, beside] = [join(path, 'left'), join(path, 'beside')]
    let packing: ReturnType<typeof startInBackground> | undefined
    const pack = () => {
      packing ??= startInBackground(['sh', '-c', 'echo $$ >beside; exec sleep 600'], { env, cwd: path })
    }
    const sandbox = await setup.sandboxes.forBuild()
    await logOf(() => runLive({ title: 'Build', args: [], options: { onStdout: pack }, sandbox }, setup))
    expect([await until(left), await until(beside)].map(runs)).toStrictEqual([false, true])
    const program = await packing
    program?.end()
    expect(await program?.succeeded).toBe(false)
  })

  it('leaves that to a sandbox, which ends with all that runs in it', async () => {
    const setup = setupOf(
      "#!/bin/sh\necho begun\nsetsid sh -c 'echo $$ >left; exec sleep 600' >/dev/null 2>&1 &\nuntil [ -s left ]; do sleep 0.02; done\n",
    )
    const sandbox = { ...(await setup.sandboxes.forBuild()), isApart: true }
    await logOf(() => runLive({ title: 'Build', args: [], sandbox }, setup))
    const left = await until(join(setup.folder.path, 'left'))
    expect(runs(left)).toBe(true)
    process.kill(left, 'SIGKILL')
  })
})
