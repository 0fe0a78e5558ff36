import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { listFolder, makeFolder, makeWorkspace } from '../harness/folders.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(120_000)

const stepLine = /^STEP \d/m

const { registry, base } = await useRegistry()

function build(workspace: NonNullable<StepOptions['workspace']>, more: Partial<StepOptions> = {}): StepOptions {
  const env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host), ...more.env }
  return { inputs: { images: 'registry.example.com/acme/web' }, ...more, workspace, env }
}

describe('a Dockerfile', () => {
  test('whose RUN fails: the error has the last lines of both its streams', async () => {
    const script = 'echo on standard output; echo on standard error >&2; exit 7'
    const dockerfile = `FROM ${base}\nENV A=1\nRUN ${script}\n`
    const { error, outputs, log } = await fail(build({ Dockerfile: dockerfile }))
    expect(error).toContain('The build failed')
    // GitHub shows it at that line of the Dockerfile.
    expect(log).toMatch(/^::error file=Dockerfile,line=3::The build failed/m)
    expect(error).toMatch(/exit status 7/)
    // Apart from the command itself, which Buildah quotes.
    const shown = error.replaceAll(script, '')
    expect(shown).toContain('on standard error')
    expect(shown).toContain('on standard output')
    expect(outputs).toStrictEqual({})
  })

  const messages = ['cat: /etc/shadow: Permission denied', 'curl: (22) The requested URL returned error: 403 Forbidden']
  for (const message of messages)
    exhaustively(test)(`whose RUN fails with "${message}": the error does not blame the registry`, async () => {
      const { error } = await fail(build({ Dockerfile: `FROM ${base}\nRUN echo '${message}' >&2; exit 1\n` }))
      expect(error).toContain(message)
      expect(error).not.toMatch(/the (registry|token)/i)
    })

  test('whose base image is not there: the error names it', async () => {
    const { error } = await fail(build({ Dockerfile: `FROM ${registry.host}/base/none:1\nRUN true\n` }))
    expect(error).toContain(`${registry.host}/base/none:1`)
    expect(error).toContain('manifest unknown')
  })
})

describe('a context, when root builds in another account,', () => {
  const asRoot = testUnless(rootReason)
  const files = (): Record<string, string | { content: string; mode: number }> => ({
    Dockerfile: `FROM ${base}\nCOPY . /srv\nRUN test -e /srv/web/index.html\n`,
    'web/index.html': 'hello',
    'web/private.key': { content: 'nobody else’s', mode: 0o600 },
  })

  asRoot('with a file that it can’t read: the error names the file and the account', async () => {
    const { error, log, workspace } = await fail(build(files(), { as: 'root' }))
    expect(error).toContain(join(workspace, 'web/private.key'))
    expect(error).toMatch(/The build runs as rootless-build \(uid \d+\)/)
    expect(error).toContain('chmod --recursive a+rX')
    expect(log).not.toMatch(stepLine)
  })

  exhaustively(asRoot)('with such a file, ignored by .dockerignore, builds', async () => {
    await succeed(build({ ...files(), '.dockerignore': '**/*.key\n' }, { as: 'root' }))
  })

  asRoot('with a folder that it can’t read: the error names the folder, unless it is ignored', async () => {
    const all = { Dockerfile: `FROM ${base}\nCOPY . /srv\n`, 'web/index.html': 'hello', 'closed/x': 'x' }
    const workspace = makeWorkspace(all)
    chmodSync(join(workspace, 'closed'), 0o700)
    const { error } = await fail(build(workspace, { as: 'root' }))
    expect(error).toContain(join(workspace, 'closed'))
    writeFileSync(join(workspace, '.dockerignore'), 'closed\n')
    await succeed(build(workspace, { as: 'root' }))
  })

  asRoot('below a folder that it may not enter: the error names that folder', async () => {
    const closed = makeFolder('closed')
    const workspace = join(closed, 'deep/down')
    mkdirSync(workspace, { recursive: true })
    writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\nCOPY . /\n')
    chmodSync(closed, 0o700)
    const { error, log } = await fail(build(workspace, { as: 'root' }))
    expect(error).toContain(`can't enter ${JSON.stringify(closed)}`)
    expect(log).not.toMatch(stepLine)
  })
})

describe('a full disk', () => {
  testUnless(rootReason)('fails with a hint, after a warning before the build', async () => {
    const { uid } = accountFor('user')
    const temp = makeFolder('small')
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=96m,mode=0700,uid=${uid}`, 'tmpfs', temp])
    try {
      const { error, log } = await fail(
        build(
          { Dockerfile: `FROM ${base}\nRUN dd if=/dev/zero of=/large bs=1000000 count=120\n` },
          { inputs: { cache: 'off' }, env: { RUNNER_TEMP: temp } },
        ),
      )
      expect(log).toMatch(/^::warning::Only \d\d MiB are free in .*, where the image is built\.$/m)
      expect(error).toMatch(/no space left on device/i)
      expect(error).toContain(
        'The disk is full. Free some space in an earlier step, or set RUNNER_TEMP to a larger one.',
      )
      expect(listFolder(temp)).toStrictEqual([])
    } finally {
      execFileSync('umount', [temp])
    }
  })
})
