import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { run } from '../harness/command.js'
import { makeFolder } from '../harness/folders.js'
import { runAction } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()

/**
 * Programs of the same account that have nothing to do with the step, each in namespaces of its own, one after the
 * other. The kernel numbers namespaces anew as soon as a number is free, so some get the number of one of the step's.
 * They print how they ended when that isn't by themselves.
 */
const neighbours = [
  'pids=()',
  'until [[ -e $1 ]]; do unshare --user --mount sleep 0.6 & pids+=($!); sleep 0.008; done',
  'for pid in "${pids[@]}"; do wait "$pid" || echo "$pid ended with $?"; done',
  'echo "${#pids[@]} programs"',
].join('\n')

describe('other programs of the account that builds', () => {
  for (const [as, testHere] of [
    ['user', test],
    ['root', exhaustively(testUnless(rootReason))],
  ] as const) {
    testHere(`run on when a step of ${as} is cancelled`, async () => {
      const account = accountFor('user')
      const stop = join(makeFolder('stop', account), 'now')
      const others = run('bash', ['-c', neighbours, 'bash', stop], { account })
      // Cancelled while a step of it won't end: what it has started is then looked for again and again.
      const dockerfile = `FROM ${busybox}\nRUN trap "" TERM; (setsid sleep 30 &); echo "started"" now"; sleep 30\n`
      const inputs = { images: `${registry.host}/acme/neighbours`, 'tls-verify': 'false' }
      const signal = { name: 'SIGTERM', when: 'started now\n' } as const
      try {
        const { exitCode, leftRunning } = await runAction({ as, workspace: { Dockerfile: dockerfile }, inputs, signal })
        expect({ exitCode, leftRunning }).toStrictEqual({ exitCode: 143, leftRunning: [] })
      } finally {
        writeFileSync(stop, '')
      }
      expect((await others).toString()).toMatch(/^\d{2,} programs\n$/)
    })
  }
})
