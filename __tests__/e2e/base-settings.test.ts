import { expect, jest } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { withSettings } from '../harness/registry-client.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()
// An image in the OCI format that has these, as BuildKit writes one.
const healthy = await withSettings(busybox, 'healthy', {
  Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 7_000_000_000 },
  Shell: ['/bin/sh', '-uc'],
})

describeEngines('with $name', ({ wish, testOne }) => {
  /** A step that builds an image of a Dockerfile, which is all of the workspace, and pushes it. */
  const stepOf = (reference: string, dockerfile: string, inputs: Readonly<Record<string, string>> = {}) => ({
    ...wish(),
    workspace: { Dockerfile: dockerfile },
    inputs: { ...wish().inputs, tags: reference, push: 'true', 'tls-verify': 'false', ...inputs },
  })

  testOne('an image keeps the health check and the shell of its base image, which its steps run by', async () => {
    const reference = `${registry.host}/acme/child:1`
    const child = `FROM ${healthy} AS one\nRUN echo $- >/flags\nFROM one\nRUN echo $- >/flags-2\n`
    const { log } = await succeed(stepOf(reference, child))
    expect(log).toContain(`Format: docker, to keep HEALTHCHECK of the base image ${healthy}\n`)
    const image = await pullImage(reference)
    expect(image.config.config?.Healthcheck).toMatchObject({ Test: ['CMD-SHELL', 'true'], Interval: 7_000_000_000 })
    expect(image.config.config?.Shell).toStrictEqual(['/bin/sh', '-uc'])
    for (const path of ['flags', 'flags-2']) expect(contentOf(image, path).toString()).toContain('u')

    const { error } = await fail(stepOf(reference, child, { annotations: 'team=web' }))
    expect(error).toBe(
      `Input "annotations" can't be honoured: the format is docker because of HEALTHCHECK of the base image ${healthy}, and only oci has annotations.\n` +
        'Write `format: oci` (HEALTHCHECK is dropped then), or use labels.',
    )
  })
})
