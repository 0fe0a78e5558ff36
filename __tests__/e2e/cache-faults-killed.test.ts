import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { jobStep, recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import type { Fault } from '../harness/cache-service.js'
import { listFolder, makeFolder } from '../harness/folders.js'
import { processesWith } from '../harness/processes.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { type SilentRegistry, startSilentRegistry } from '../harness/silent-registry.js'
import { stepEnvironment } from '../harness/step-environment.js'
import { casesOfSet, exhaustively, isExhaustive } from '../harness/test-set.js'
import { watchNode } from '../harness/watched-program.js'

jest.setTimeout(300_000)

// More than what is kept at once, where post shall have something left to do.
const { stand, service } = await useStand({}, 9 * 2 ** 20)
let scopes = 0

/** Settled when the service is asked this. */
async function asked(call: Fault['call'], key: RegExp): Promise<void> {
  const seen = service.requests.length
  const isIt = () => service.requests.slice(seen).some((one) => one.call === call && one.keys.some((k) => key.test(k)))
  for (let turn = 0; !isIt(); turn += 1) {
    if (turn === 3000) throw new Error(`${String(call)} was not asked within a minute`)
    await sleep(20)
  }
}

function newScope(inputs: Readonly<Record<string, string>> = {}): () => StepOptions {
  const scope = String((scopes += 1))
  return () => jobStep(stand, service, { 'cache-scope': scope, ...inputs })
}

/** Post has removed everything, and nothing runs on. */
async function expectSwept(step: StepResult, temp = step.temp): Promise<void> {
  expect(step.exitCode).toBe('SIGKILL')
  expect(step.post?.exitCode).toBe(0)
  // What lost its parent needs a moment to notice.
  const job = dirname(step.temp)
  for (let turn = 0; turn < 400 && processesWith(job).length > 0; turn += 1) await sleep(50)
  expect({ temp: listFolder(temp), running: processesWith(job) }).toStrictEqual({ temp: [], running: [] })
  expect(warningsOf({ log: '', post: step.post })).toStrictEqual([])
}

const PARTS = /^rib1-p-/
const INDEX = /^rib1-i-/
const saved = [PARTS, INDEX]

describe('main is killed', () => {
  test('while it restores', async () => {
    const build = newScope()
    await recover(stand, build())
    const script = service.script({ call: 'GetBlob', key: PARTS, answer: { stall: 60_000 } })
    const step = await runAction({ ...build(), signal: { name: 'SIGKILL', when: asked('GetBlob', PARTS) } })
    script.end()
    await expectSwept(step)
    if (isExhaustive) expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })

  exhaustively(test)('while it unpacks', async () => {
    const build = newScope()
    await recover(stand, build())
    const options = build()
    const temp = makeFolder('temp', accountFor('user'))
    const step = await runAction({
      ...{ ...options, env: { ...options.env, RUNNER_TEMP: temp } },
      signal: { name: 'SIGKILL', when: unpacking(temp) },
    })
    await expectSwept(step, temp)
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })

  exhaustively(test)('while it builds', async () => {
    const build = newScope()
    const step = await runAction({ ...build(), signal: { name: 'SIGKILL', when: /^STEP 3\/\d/m } })
    await expectSwept(step)
    await recover(stand, build())
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })

  exhaustively(test)('while it pushes', async () => {
    const silent: SilentRegistry = await startSilentRegistry()
    const env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(new URL(`http://${stand.reference}`).host) }
    const build = newScope()
    const { inputs } = build()
    const images = `${silent.host}/acme/web`
    const options = { ...build(), inputs: { ...inputs, images } }
    const step = await runAction({
      ...{ ...options, env: { ...options.env, ...env } },
      signal: { name: 'SIGKILL', when: silent.reached },
    })
    await silent.stop()
    await expectSwept(step)
    await recover(stand, build())
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })

  // Its uploads have reserved names that will never be free again.
  test.each(casesOfSet(saved, (key) => key === INDEX))('while it saves %s', async (key) => {
    const build = newScope()
    await recover(stand, build())
    const changed = { ...build(), workspace: { ...(build().workspace as object), small: 'changed' } }
    const script = service.script({ call: 'PutBlob', key, answer: { stall: 60_000 } })
    const step = await runAction({ ...changed, signal: { name: 'SIGKILL', when: asked('PutBlob', key) } })
    script.end()
    await expectSwept(step)
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })
})

/** Settled when tar unpacks a part that lies below this folder. */
async function unpacking(temp: string): Promise<void> {
  const isTar = (pid: string) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return argv.includes(temp) && /tar\0--extract\0.*\/parts\/[0-9a-f]{64}\0/.test(argv)
    } catch {
      return false
    }
  }
  for (
    let turn = 0;
    !readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .some(isTar);
    turn += 1
  ) {
    if (turn === 6000) throw new Error('nothing was unpacked within a minute')
    await sleep(5)
  }
}

describe('post is killed', () => {
  test.each(casesOfSet(saved, (key) => key === PARTS))('while it saves %s', async (key) => {
    const build = newScope()
    const script = service.script({ call: 'PutBlob', key, answer: { stall: 60_000 } })
    const main = await runAction({ ...build(), only: 'main' })
    expect(main.exitCode).toBe(0)
    expect(main.log).toContain('new layers will be saved in the post step')
    const job = dirname(main.temp)
    const post = await runPost(main, build(), asked('PutBlob', key))
    script.end()
    expect(post.exitCode).toBe('SIGKILL')
    for (let turn = 0; turn < 400 && processesWith(job).length > 0; turn += 1) await sleep(50)
    expect(processesWith(job)).toStrictEqual([])
    await withstand(stand, build())
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
    rmSync(main.temp, { recursive: true })
  })
})

/** The second half of a step whose first half was run alone. */
async function runPost(main: StepResult, options: StepOptions, when: Promise<void>) {
  const account = accountFor('user')
  const job = dirname(main.temp)
  const state = Object.entries(main.state).map(([name, value]) => [`STATE_${name}`, value] as const)
  return await watchNode(join(job, 'action/dist/post/index.js'), {
    ...{ account, cwd: makeFolder('cwd', account), limitMilliseconds: 100_000 },
    env: { ...stepEnvironment(job, main.workspace, account, options), ...Object.fromEntries(state) },
    signal: { name: 'SIGKILL', when },
  })
}
