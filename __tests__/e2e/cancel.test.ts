import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { testsAreRoot } from '../harness/account.js'
import { busyboxImage } from '../harness/base-image.js'
import { listFolder, removeFolders } from '../harness/folders.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { someSeconds, stillSleeping, wakeAll } from '../harness/run-marks.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { startSilentRegistry } from '../harness/silent-registry.js'
import { exhaustively } from '../harness/test-set.js'
import { readCommands, withoutPhases } from '../harness/workflow-commands.js'

jest.setTimeout(300_000)

/** Far more than it may take: it ends a test that would hang. */
const limitMilliseconds = 240_000
const started = 'the RUN has started'

let registry: Registry
let base: string

beforeAll(async () => {
  registry = await startRegistry()
  base = await busyboxImage(registry.host)
})

afterAll(async () => {
  wakeAll()
  await registry.stop()
  await removeFolders()
})

/** A step whose RUN starts something, says so, and sleeps so long. */
function longRun(as: 'user' | 'root', seconds: string, before = ''): StepOptions {
  const info = `echo ${started.replace('has', 'h""as')}`
  return {
    as,
    limitMilliseconds,
    workspace: { Dockerfile: `FROM ${base}\nRUN ${before} ${info}; sleep ${seconds}\n` },
    inputs: { images: `${registry.host}/acme/web`, push: 'true', 'tls-verify': 'false' },
  }
}

function expectCancelled(step: StepResult, exitCode: number): void {
  expect(step.exitCode).toBe(exitCode)
  // A cancel is no error, and the runner listens to commands again.
  const { commands, stoppedBy } = readCommands(step.log)
  expect(withoutPhases(commands).map(({ name }) => name)).toStrictEqual(['group', 'stop-commands', 'endgroup'])
  expect(stoppedBy).toBeUndefined()
  expect(step.outputs).toStrictEqual({})
  // Main has ended what it started, and doesn't leave that to post.
  expect(step.runningBeforePost).toStrictEqual([])
}

async function expectNothingLeft(step: StepResult, seconds: readonly string[] = []): Promise<void> {
  expect(step.post?.exitCode).toBe(0)
  expect(step.post?.log).not.toMatch(/^::(warning|error)/m)
  // A process that has been killed may need a moment to go.
  for (let turn = 0; turn < 200 && seconds.some((mark) => stillSleeping(mark).length > 0); turn += 1) await sleep(50)
  expect({
    temp: step.leftInTemp,
    running: step.leftRunning,
    sleeping: seconds.flatMap(stillSleeping),
  }).toStrictEqual({ temp: [], running: [], sleeping: [] })
}

describe.each(testsAreRoot ? (['user', 'root'] as const) : (['user'] as const))('as %s', (as) => {
  /** A test that in the ordinary set is one of this account alone. */
  const testOf = (account: 'user' | 'root') => (as === account || !testsAreRoot ? test : exhaustively(test))

  for (const [name, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    testOf('user')(`${name} in the middle of a RUN`, async () => {
      const [own, apart] = [someSeconds(), someSeconds()]
      const options = longRun(as, own, `setsid sleep ${apart} & echo;`)
      const step = await runAction({ ...options, signal: { name, when: `${started}\n` } })
      expectCancelled(step, exitCode)
      expect(step.log).toContain(`Cancelled by ${name}`)
      await expectNothingLeft(step, [own, apart])
    })
  }

  testOf('user')('SIGTERM while the sandbox is made is nothing to warn of', async () => {
    const options = longRun(as, someSeconds(), '')
    const step = await runAction({ ...options, signal: { name: 'SIGTERM', when: /^Engine: /m } })
    expect(step.exitCode).toBe(143)
    expect(step.log).not.toMatch(/^::(warning|error)/m)
    expect(step.runningBeforePost).toStrictEqual([])
    await expectNothingLeft(step)
  })

  testOf('root')('SIGTERM while a RUN and a daemon of it ignore it', async () => {
    const [own, daemon, orphan] = [someSeconds(), someSeconds(), someSeconds()]
    const stubborn = `trap "" TERM; (setsid sleep ${orphan} &); setsid sh -c "trap '' TERM; sleep ${daemon}" & echo;`
    const step = await runAction({
      ...longRun(as, own, stubborn),
      signal: { name: 'SIGTERM', when: `${started}\n` },
    })
    expectCancelled(step, 143)
    await expectNothingLeft(step, [own, daemon, orphan])
  })

  testOf('root')('SIGTERM in the middle of a push', async () => {
    const silent = await startSilentRegistry()
    try {
      const step = await runAction({
        as,
        limitMilliseconds,
        workspace: { Dockerfile: `FROM ${base}\nLABEL a=b\n` },
        inputs: { images: `${silent.host}/acme/web`, push: 'true', 'tls-verify': 'false' },
        env: { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) },
        signal: { name: 'SIGTERM', when: silent.reached },
      })
      expectCancelled(step, 143)
      expect(step.log).not.toContain('attempt 1 failed')
      await expectNothingLeft(step)
    } finally {
      await silent.stop()
    }
  })

  testOf('user')('SIGKILL in the middle of a RUN ends the build and all that it has started', async () => {
    const [own, apart] = [someSeconds(), someSeconds()]
    const options = longRun(as, own, `setsid sleep ${apart} & echo;`)
    const step = await runAction({ ...options, only: 'main', signal: { name: 'SIGKILL', when: `${started}\n` } })
    expect(step.exitCode).toBe('SIGKILL')
    const running = () => [own, apart].flatMap(stillSleeping)
    for (let turn = 0; turn < 200 && running().length > 0; turn += 1) await sleep(50)
    expect(running()).toStrictEqual([])
  })

  testOf('user')('SIGKILL of main and of its runner: the next step removes what is left', async () => {
    const seconds = someSeconds()
    const closed = 'mkdir /closed; touch /closed/file; chmod 0555 /closed; chown -R 1000:1000 /closed;'
    const options = longRun(as, seconds, closed)
    const killed = await runAction({ ...options, only: 'main', signal: { name: 'SIGKILL', when: `${started}\n` } })
    expect(killed.leftInTemp.length).toBeGreaterThan(0)
    const workspace = { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }
    const next = await runAction({ as, limitMilliseconds, workspace, inputs: {}, env: { RUNNER_TEMP: killed.temp } })
    expect(next.exitCode).toBe(0)
    expect(next.log).toMatch(/^Removed \S+\/rootless-image-build-\w+, left by a step that was killed$/m)
    expect(listFolder(killed.temp)).toStrictEqual([])
  })

  exhaustively(test)(
    'SIGKILL in the middle of a RUN: post ends what is still running, and removes the rest',
    async () => {
      const seconds = someSeconds()
      const options = longRun(as, seconds)
      // A sandbox would have ended with the action.
      const inputs = { ...options.inputs, sandbox: 'off' }
      const step = await runAction({ ...options, inputs, signal: { name: 'SIGKILL', when: `${started}\n` } })
      expect(step.exitCode).toBe('SIGKILL')
      await expectNothingLeft(step, [seconds])
    },
  )

  for (const [sandbox, testHere] of [
    ['require', testOf('user')],
    // There it is the action that ends it.
    ['off', exhaustively(test)],
  ] as const) {
    testHere(`a daemon that a RUN leaves behind does not outlive the step, sandbox: ${sandbox}`, async () => {
      const daemon = someSeconds()
      const options = longRun(as, '0', `(setsid sleep ${daemon} >/dev/null 2>&1 </dev/null &);`)
      const step = await runAction({ ...options, inputs: { ...options.inputs, sandbox } })
      expect(step.exitCode).toBe(0)
      await expectNothingLeft(step, [daemon])
    })
  }
})
