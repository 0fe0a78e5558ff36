import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { startCacheService } from '../harness/cache-service.js'
import { succeed } from '../harness/clean-step.js'
import { makeFolder } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { getManifest, putManifest } from '../harness/registry-client.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { casesOfSet } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry } = await useRegistry()

/** A cache, and what gives each of two platforms what the other one has left there. */
interface Poisoned {
  readonly options: Pick<StepOptions, 'env'> & { readonly inputs: Readonly<Record<string, string>> }
  /** @returns how much is in the wrong place then */
  readonly swap: () => Promise<number> | number
  readonly stop?: () => Promise<void>
}

/** Exchanges two scopes in names, which have them as 16 hexadecimal digits. */
function exchange(names: readonly string[], pattern: RegExp): (readonly [name: string, other: string])[] {
  const scopeOf = (name: string) => pattern.exec(name)?.[1]
  const scopes = [...new Set(names.flatMap((name) => scopeOf(name) ?? []))]
  expect(scopes).toHaveLength(2)
  const [one = '', another = ''] = scopes
  return names.filter((name) => scopeOf(name) === one).map((name) => [name, name.replace(one, another)] as const)
}

const SCOPE_IN_KEY = /^rib1-[in]-([0-9a-f]{16})-/

async function inService(): Promise<Poisoned> {
  const service = await startCacheService()
  const keyLike = (text: string) => (key: string) => key.startsWith(text)
  return {
    options: { env: service.environment(), inputs: { cache: 'github' } },
    swap() {
      const keys = service.entries().map(({ key }) => key)
      // What a run leaves has a name of its own behind the branch.
      const pairs = exchange(keys, SCOPE_IN_KEY).map(
        ([key, like]) => [key, keys.find(keyLike(like.replace(/[^-]+$/, '')))] as const,
      )
      for (const [key, other = ''] of pairs) {
        const blob = service.blob(key)
        service.replace(key, service.blob(other))
        service.replace(other, blob)
      }
      return pairs.length
    },
    stop: () => service.stop(),
  }
}

function inDirectory(): Promise<Poisoned> {
  const directory = makeFolder('kept', accountFor('user'))
  return Promise.resolve({
    options: { inputs: { cache: 'directory', 'cache-dir': directory } },
    swap() {
      const pairs = exchange(readdirSync(directory), /^([0-9a-f]{16})-/)
      for (const [name, other] of pairs) {
        const [path, into, aside] = [name, other, 'aside'].map((one) => join(directory, one)) as [
          string,
          string,
          string,
        ]
        expect(existsSync(into)).toBe(true)
        renameSync(path, aside)
        renameSync(into, path)
        renameSync(aside, into)
      }
      return pairs.length
    },
  })
}

function inRegistry(name: string): Promise<Poisoned> {
  const repository = `acme/${name}-cache`
  return Promise.resolve({
    options: { inputs: { cache: 'registry' } },
    async swap() {
      const answer = await fetch(`http://${registry.host}/v2/${repository}/tags/list`)
      const { tags } = (await answer.json()) as { readonly tags: string[] }
      const pairs = exchange(tags, SCOPE_IN_KEY)
      for (const [tag, other] of pairs) {
        const [one, another] = [`${registry.host}/${repository}:${tag}`, `${registry.host}/${repository}:${other}`]
        const [first, second] = [await getManifest(one), await getManifest(another)]
        await putManifest(one, second)
        await putManifest(another, first)
      }
      return pairs.length
    },
  })
}

const caches = casesOfSet(
  [
    { name: 'the cache service', open: inService },
    { name: 'a directory', open: inDirectory },
    { name: 'a registry', open: inRegistry },
  ],
  ({ name }) => name !== 'a registry',
)

/** The first step is the same for both platforms, by all that Buildah compares; below 1.41 also the image that it gives. */
const workspace = {
  Dockerfile: 'FROM scratch\nCOPY same /same\nARG TARGETARCH\nCOPY app-$TARGETARCH /app\n',
  ...{ same: 'same', 'app-amd64': 'for amd64', 'app-arm64': 'for arm64' },
}

test.each(caches)('what one platform has left in $name is not taken for another one', async ({ name, open }) => {
  const repository = `poisoned-${name.replaceAll(' ', '-')}`
  const images = `${registry.host}/acme/${repository}`
  const { options, swap, stop } = await open(repository)
  const build = (unchanged: string): Promise<StepResult> =>
    succeed({
      ...options,
      workspace,
      inputs: {
        ...{ images, push: 'true', 'tls-verify': 'false', engine: 'buildah', timestamp: '0', unchanged },
        ...{ platforms: 'linux/amd64,linux/arm64', ...options.inputs },
      },
    })
  try {
    const { outputs } = await build('skip')
    // An index, and a record of what was built.
    expect(await swap()).toBeGreaterThanOrEqual(2)
    const skipping = await build('skip')
    expect(skipping.log).not.toContain('Unchanged: reusing the image')
    expect(await swap()).toBeGreaterThanOrEqual(2)
    const building = await build('build')
    for (const step of [skipping, building])
      expect(step.outputs).toMatchObject({ digest: outputs['digest'], built: 'true' })
    const digests = JSON.parse(building.outputs['platform-digests'] ?? '') as Record<string, string>
    for (const architecture of ['amd64', 'arm64']) {
      const image = await pullImage(`${images}@${digests[`linux/${architecture}`] ?? ''}`)
      expect(image.config.architecture).toBe(architecture)
      expect(contentOf(image, 'app').toString()).toBe(`for ${architecture}`)
    }
  } finally {
    await stop?.()
  }
})
