import { expect, it } from '@jest/globals'
import { RegistryError } from '../../../../src/errors.js'
import { formatReference, parseReference } from '../../../../src/metadata/reference.js'
import { putIndexes } from '../../../../src/pipeline/push/image-index.js'
import { imageIndex } from '../../../../src/registry/image-index.js'
import { logOf } from '../../helpers.js'
import { fakeRegistries } from '../../registry/fake-registries.js'

const references = ['h.example/acme/web:1', 'h.example/acme/web:2', 'h.example/acme/mirror:1'].map((name) =>
  parseReference(name),
)

/** Puts an index of which the first tries to make it fail. @returns where it was made */
async function put(failures: number) {
  const fake = fakeRegistries()
  const made: string[] = []
  let outcome: unknown
  await logOf(async () => {
    const make = (repository: (typeof references)[number]) => {
      made.push(formatReference(repository))
      const failure = new RegistryError('not yet there', 'Wait.', true)
      return made.length > failures ? Promise.resolve(imageIndex([])) : Promise.reject(failure)
    }
    outcome = await putIndexes(references, make, fake.registries).catch((error: unknown) => error)
  })
  return { made, tags: fake.tags(), outcome }
}

it('makes the index of a repository once', async () => {
  const { made, tags } = await put(0)
  expect(made).toStrictEqual(['h.example/acme/web', 'h.example/acme/mirror'])
  expect(tags).toHaveLength(3)
})

it('makes it again where that failed for a time', async () => {
  const { made, tags, outcome } = await put(1)
  expect(outcome).not.toBeInstanceOf(Error)
  expect(made).toStrictEqual(['h.example/acme/web', 'h.example/acme/web', 'h.example/acme/mirror'])
  expect(tags).toHaveLength(3)
})
