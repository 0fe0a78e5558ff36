import { expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { pullImage } from '../harness/images.js'
import { startRewritingRegistry } from '../harness/rewriting-registry.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry } = await useRegistry()

test('the digest is the one that the registry has, where it writes manifests anew', async () => {
  const rewriting = await startRewritingRegistry(registry.host)
  try {
    const repository = `${rewriting.host}/acme/web`
    const { outputs, log, summary } = await succeed({
      workspace: { Dockerfile: 'FROM scratch\nCOPY file /file\n', file: 'x' },
      inputs: { images: repository, tags: '1\n2', push: 'true', 'tls-verify': 'false' },
    })
    const { digest } = await pullImage(`${repository}:1`)
    expect(outputs['digest']).toBe(digest)
    const pushed = JSON.parse(outputs['pushed'] ?? '') as { digest: string }[]
    expect(pushed.map((one) => one.digest)).toStrictEqual([digest, digest])
    expect(log).toContain(`the registry rewrote the manifest; its digest is ${digest} instead of sha256:`)
    expect(summary).toContain(digest)
  } finally {
    await rewriting.stop()
  }
})
