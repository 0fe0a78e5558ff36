import { copyFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import { foreignBusybox } from '../harness/foreign-busybox.js'
import { architecture } from '../harness/oci-layout.js'
import { readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry } = await useRegistry()
const account = accountFor('user')
/** Both tests share it, so that an emulator is fetched once. */
const toolCache = makeFolder('tools', account)
const foreign = architecture === 'arm64' ? { name: 'amd64', machine: 'x86_64' } : { name: 'arm64', machine: 'aarch64' }
const own = architecture === 'arm64' ? { name: 'arm64', machine: 'aarch64' } : { name: 'amd64', machine: 'x86_64' }
const busybox = foreignBusybox(foreign.name)
const testBoth = testUnless('missing' in busybox ? busybox.missing : undefined)

/** Without RUN, so that the commands alone need an emulator. */
const Dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY busybox-$TARGETARCH /bin/busybox\nENV FOR=$TARGETARCH\n'

function step(tag: string, command: string): StepOptions {
  const workspace = makeWorkspace({ Dockerfile }, account)
  const programs = { [own.name]: '/bin/busybox', [foreign.name]: 'missing' in busybox ? '' : busybox.path }
  for (const [name, program] of Object.entries(programs)) {
    copyFileSync(program, join(workspace, `busybox-${name}`))
    chmodSync(join(workspace, `busybox-${name}`), 0o755)
  }
  const test = `/bin/busybox sh -c '${command}'`
  const platforms = `linux/${own.name},linux/${foreign.name}`
  const place = { images: `${registry.host}/acme/tested`, tags: tag, push: 'true', 'tls-verify': 'false' }
  return { toolCache, workspace, inputs: { ...place, engine: 'buildah', cache: 'off', platforms, test } }
}

testBoth('the image of each platform is tested by its own processor or an emulator of it', async () => {
  const { log, outputs } = await succeed(step('1', 'echo "$FOR runs on $(/bin/busybox uname -m)"'))
  for (const { name, machine } of [own, foreign])
    expect(log).toMatch(new RegExp(`^linux/${name}: ${name} runs on ${machine}$`, 'm'))
  expect(log).toContain(`Emulation: linux/${foreign.name}: the commands of "test" run by qemu-${foreign.machine} `)
  const { bytes } = await getManifest(`${registry.host}/acme/tested:1`)
  expect(digestOf(bytes)).toBe(outputs['digest'])
  expect(readIndex(bytes).manifests).toHaveLength(2)
})

testBoth('where the image of one platform fails its test, nothing is tagged, and the error names it', async () => {
  const { error, log } = await fail(step('2', `test "$FOR" = ${own.name}`))
  expect(error).toMatch(new RegExp(`^linux/${foreign.name}: Input "test": `))
  expect(log).toContain(`linux/${own.name}: Test: 1 command passed`)
  await expect(getManifest(`${registry.host}/acme/tested:2`)).rejects.toThrow('404')
})
