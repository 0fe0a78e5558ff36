import { expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()

const dockerfile = `FROM ${base} AS base
ARG WHO=ada
VOLUME /data
FROM base
RUN echo $WHO >/who
RUN echo $0 >/data/shell
`

describeEngines('with $name', ({ wish, version, testOne }) => {
  testOne('what it would build wrongly is refused before the build, and else is right', async () => {
    const reference = `${registry.host}/acme/faults:1`
    const step = {
      ...wish(),
      workspace: { Dockerfile: dockerfile },
      inputs: { ...wish().inputs, tags: reference, push: 'true', 'tls-verify': 'false', engine: 'buildah' },
    }
    if (lt(version, '1.41.0')) {
      // Without a package manager on PATH, there is nothing to install a newer one with.
      const { error, log } = await fail({ ...step, env: { PATH: '/nowhere' } })
      expect(error).toContain(
        'Dockerfile line 5: an ARG of the stage in FROM, WHO (in older versions, it is empty there) needs Buildah 1.41.0',
      )
      const hasVolume = error.includes('Dockerfile line 6: a RUN that works in a VOLUME declared before it, /data')
      expect(hasVolume).toBe(lt(version, '1.37.0'))
      expect(log).not.toMatch(/^(Engine:|Installing|::group::)/m)
      return
    }
    await succeed(step)
    const image = await pullImage(reference)
    expect(contentOf(image, 'who').toString()).toBe('ada\n')
    expect(contentOf(image, 'data/shell').toString()).toContain('sh')
  })
})
