import { describe, expect, it } from '@jest/globals'
import { type PipelineContext, repositoryAccess } from '../../../src/pipeline/pipeline-context.js'
import { fakeRegistries } from '../registry/fake-registries.js'
import { contextOf } from '../helpers.js'
import { servicesOf } from './services.js'

describe('the repositories of a cache', () => {
  it('may do without TLS where their line or the machine says so, in the post step as well', async () => {
    const fake = fakeRegistries()
    const opened: (readonly string[])[] = []
    const registries: typeof fake.client = {
      ...fake.client,
      open(options) {
        opened.push(options.insecure)
        return fake.client.open(options)
      },
    }
    const credentials = {
      logins: { auths: {}, credHelpers: {} },
      own: [],
      registry: 'ghcr.io',
      insecure: ['image:5000'],
      configuredInsecure: ['machine:5000'],
    }
    const pipeline = { credentials, context: contextOf({}), services: servicesOf({ registries }) }
    const access = repositoryAccess(pipeline as unknown as PipelineContext, ['cache:5000'])
    await access.open('cache:5000/acme/web-cache', true)
    expect(opened).toStrictEqual([['image:5000', 'machine:5000', 'cache:5000']])
    expect(access.terms).toStrictEqual({ registry: 'ghcr.io', insecure: ['image:5000', 'machine:5000', 'cache:5000'] })
  })
})
