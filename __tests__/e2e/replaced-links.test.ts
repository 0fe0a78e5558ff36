import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { makeWorkspace } from '../harness/folders.js'
import { imageFiles, pullImage } from '../harness/images.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry } = await useRegistry()

/** A checkout in which `base` has a link that `rootfs` has a folder for. */
function checkout(): string {
  const workspace = makeWorkspace(
    {
      Dockerfile: 'FROM scratch\nCOPY base /\nCOPY rootfs /\n',
      'base/usr/bin/tool': 'tool',
      'rootfs/bin/other': 'other',
      'rootfs/etc/other': 'other',
    },
    accountFor('user'),
  )
  symlinkSync('usr/bin', join(workspace, 'base/bin'))
  return workspace
}

describeEngines('with $name', ({ wish, testOne }) => {
  testOne('a link that COPY has put a folder in the place of is told before the push', async () => {
    const reference = `${registry.host}/acme/losses:1`
    const inputs = { tags: reference, push: 'true', 'tls-verify': 'false', unchanged: 'build' }
    const { log } = await succeed({ ...wish(), workspace: checkout(), inputs: { ...wish().inputs, ...inputs } })
    const told = [...log.matchAll(/^::warning::(Dockerfile line .*)$/gm)].map(([, text = '']) => text)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/^Dockerfile line 3: COPY replaced these links .*: "\/bin" \(to "usr\/bin"\)\. /)
    expect(log.indexOf(told[0] ?? '')).toBeLessThan(log.indexOf('\nPushed '))

    const files = imageFiles(await pullImage(reference))
    const paths = [...files].flatMap(([path, { type }]) => (type === 'file' ? [path] : []))
    expect(paths.sort()).toStrictEqual(['bin/other', 'etc/other', 'usr/bin/tool'])
  })
})
