import { expect, jest } from '@jest/globals'

import { busyboxImage } from '../harness/base-image.js'
import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry } = await useRegistry()
// No such image is on Docker Hub.
await busyboxImage(registry.host, 'hub/acme-mirrored/busybox:1')

describeEngines('with $name', ({ wish, testOne }) => {
  testOne('base images are pulled from the mirror of their registry', async () => {
    const step = (inputs: Readonly<Record<string, string>>) => ({
      ...wish(),
      workspace: { Dockerfile: 'FROM acme-mirrored/busybox:1\nRUN echo built\n' },
      inputs: {
        ...wish().inputs,
        ...{ tags: `${registry.host}/acme/mirrored:1`, push: 'true', 'tls-verify': 'false', ...inputs },
      },
    })
    await succeed(step({ 'registry-mirrors': `docker.io=${registry.host}/hub` }))
    expect(registry.logs()).toMatch(/GET \/v2\/hub\/acme-mirrored\/busybox\/manifests\/1/)

    const { error } = await fail(step({ 'registry-mirrors': `docker.io=https://` }))
    expect(error).toContain('Input "registry-mirrors": got "docker.io=https://"')
  })
})
