import { cpSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { repository } from '../harness/runner-files.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { watchNode } from '../harness/watched-program.js'

jest.setTimeout(180_000)

afterAll(removeFolders)

for (const [as, testHere] of [
  ['user', test],
  ['root', exhaustively(testUnless(rootReason))],
] as const) {
  testHere(`the README's first command, as ${as}: it ends well, and leaves nothing`, async () => {
    const account = accountFor(as)
    const folder = makeFolder('demo', account)
    for (const name of ['dist', 'scripts', 'examples', 'action.yml', 'package.json'])
      cpSync(join(repository, name), join(folder, name), { recursive: true })
    const before = demoFolders()
    const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: account.home }
    const options = { account, cwd: folder, env: { ...env, USER: account.name }, limitMilliseconds: 120_000 }
    const { exitCode, log } = await watchNode(join(folder, 'scripts/demo.mjs'), options)
    if (exitCode !== 0) throw new Error(`The demo ended with ${exitCode}; its log:\n${log}`)
    expect(log).toMatch(/^built by {5}buildah \d+\.\d+\.\d+, without root$/m)
    expect(log).toContain('it says: Built without root.')
    expect(demoFolders()).toStrictEqual(before)
  })
}

function demoFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('rootless-image-build-demo-'))
}
