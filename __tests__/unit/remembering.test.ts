import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { parseReference } from '../../src/image/reference.js'
import type { Registries } from '../../src/registry/registry.js'
import { NO_CACHE_REPORT } from '../../src/report/cache-stats.js'
import { compare, type ComparisonRequest } from '../../src/unchanged/comparison.js'
import { parseRemembered } from '../../src/unchanged/remembered.js'
import { contextOf, inputsOf, temporaryFolder } from './helpers.js'

const base = parseReference('a.example/base:1')
const image = parseReference('a.example/web:1')
const digestOf = (digit: string) => `sha256:${digit.repeat(64)}`

/** What is remembered of a build whose base image has these digests, one question after the other. */
async function rememberedWith(digests: readonly string[]): Promise<number> {
  const written: string[] = []
  const unused = () => Promise.reject(new Error('not used here'))
  let asked = 0
  const registries: Registries = {
    resolve: () => {
      const digest = digests[Math.min(asked, digests.length - 1)] ?? ''
      asked += 1
      return Promise.resolve({ digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 1 })
    },
    ...{ fetchManifest: unused, putManifest: unused, mountBlob: unused, close: () => undefined },
  }
  const folder = temporaryFolder()
  const file = join(folder, 'Dockerfile')
  writeFileSync(file, 'FROM a.example/base:1\n')
  const inspection = {
    ...{
      images: ['a.example/base:1'],
      frontend: undefined,
      doubts: [],
      origin: { why: '' },
      survey: undefined,
      files: 0,
    },
    digests: () => Promise.resolve({ context: '', contexts: new Map<string, string>() }),
  }
  const engine = { name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true } as const
  const source = { context: folder, file, dockerfile: parseDockerfile('FROM a.example/base:1'), target: undefined }
  const request: ComparisonRequest = {
    ...{ inputs: inputsOf({ push: 'true' }), context: contextOf(), source, format: 'oci', labels: [], annotations: [] },
    ...{ references: [image], inspection, registries, remembered: Promise.resolve(undefined), epoch: '' },
    found: { engine, whyDoubtful: () => Promise.resolve(undefined) },
    places: new Map([['a.example/base:1', [base]]]),
    note: {
      read: () => Promise.resolve(undefined),
      write: (text) => {
        written.push(text)
        return Promise.resolve(true)
      },
    },
  }
  const pushed = [{ reference: image, digest: digestOf('e') }]
  const comparison = compare(request)
  expect(await comparison.find()).toBeUndefined()
  await comparison.remember({ imageId: digestOf('d'), pushed, steps: [], keys: [], cache: NO_CACHE_REPORT })
  expect(asked).toBe(2)
  return written.flatMap(parseRemembered).length
}

describe('a build', () => {
  it('is remembered when its base image was the same before and after it', async () => {
    expect(await rememberedWith([digestOf('a'), digestOf('a')])).toBe(1)
  })

  it('is not when the tag of the base moved meanwhile: nobody knows which image was pulled', async () => {
    expect(await rememberedWith([digestOf('a'), digestOf('b')])).toBe(0)
  })
})
