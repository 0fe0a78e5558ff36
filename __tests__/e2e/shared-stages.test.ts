import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { builtBuildah, type BuiltBuildah, staticBuildah } from '../harness/built-buildah.js'
import { fail, succeed } from '../harness/clean-step.js'
import { makeFolder } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { indexOfPlatforms, ownArchitecture } from '../harness/platform-images.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base } = await useRegistry()
const own = `linux/${ownArchitecture()}`
const foreign = own === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const both = await indexOfPlatforms(base, 'both', [foreign])

/** What the stage makes is another one each time that it is run, and has an owner and a time of its own. */
const dockerfile = `FROM --platform=$BUILDPLATFORM ${both} AS tools
RUN echo tools >/tools
FROM --platform=$BUILDPLATFORM ${both} AS build
COPY --from=tools /tools /tools
COPY src /src
RUN mkdir -p /out && cat /src /tools >/out/made && head -c 32 /dev/urandom >/out/random && chown 12:34 /out/made
FROM scratch
ARG TARGETARCH
COPY --from=build /out /out
COPY last.$TARGETARCH /last
COPY --from=1 /out/random /random
`
const files = { src: 'one\n', 'last.amd64': 'amd64', 'last.arm64': 'arm64', '.dockerignore': 'out\nrandom\n' }

function stepWith(built: BuiltBuildah): (changes?: Partial<typeof files & { Dockerfile: string }>) => StepOptions {
  const path = makeFolder('buildah', accountFor('user'))
  copyFileSync(built.program, join(path, 'buildah'))
  chmodSync(join(path, 'buildah'), 0o755)
  const kept = makeFolder('kept', accountFor('user'))
  return (changes = {}) => ({
    path,
    workspace: { Dockerfile: dockerfile, ...files, ...changes },
    inputs: {
      ...{ images: `${registry.host}/acme/stages`, push: 'true', 'tls-verify': 'false', engine: 'buildah' },
      ...{ platforms: `${own},${foreign}`, unchanged: 'skip', cache: 'directory', 'cache-dir': kept },
    },
  })
}

/** What became of a run: the random bytes of each platform, and how often the stage was run. */
async function build(step: StepOptions) {
  const { log, outputs, summary } = await succeed(step)
  const digests = JSON.parse(outputs['platform-digests'] ?? '') as Record<string, string>
  const images = await Promise.all(
    [own, foreign].map((name) => pullImage(`${registry.host}/acme/stages@${digests[name] ?? ''}`)),
  )
  const random = images.map((image) => contentOf(image, 'random').toString('hex'))
  const made = images.map((image) => contentOf(image, 'out/made').toString())
  const last = images.map((image) => contentOf(image, 'last').toString())
  const runs = [...log.matchAll(/STEP \d\/\d: RUN mkdir .*\n(.*)/g)].map(([, next = '']) => next)
  return { log, summary, random, made, last, runs, built: outputs['built'] }
}

// Each is built when it is asked for.
const versions = casesOfSet(['1.33.7', '1.43.2', 'of the action'], (version) => version === '1.33.7')

describe.each(versions)('Buildah %s builds a stage that does not depend on the platform once', (version) => {
  const built = version === 'of the action' ? staticBuildah() : builtBuildah(version)
  const missing = typeof built === 'string' ? built : undefined

  testUnless(missing)('for all platforms, from run to run', async () => {
    if (typeof built === 'string') throw new Error(built)
    const step = stepWith(built)
    const first = await build(step())
    expect(first.log).toContain('Stages: stage build is built once, since nothing in it depends on the platform\n')
    expect(first.runs).toHaveLength(1)
    expect(first.log).toMatch(/^stage build: .*STEP 4\/4: RUN mkdir/m)
    expect(first.log).not.toMatch(new RegExp(`^${foreign}: Pull of `, 'm'))
    expect(first.random[0]).toHaveLength(64)
    expect(first.random[1]).toBe(first.random[0])
    expect(first.made).toStrictEqual(['one\ntools\n', 'one\ntools\n'])
    expect(first.last).toStrictEqual([own, foreign].map((name) => name.replace('linux/', '')))
    expect(first.summary).toContain('| `stage build` |')

    const same = await build(step())
    expect(same).toMatchObject({ built: 'false', random: first.random, runs: [] })

    const last = await build(step({ [`last.${foreign.replace('linux/', '')}`]: 'other' }))
    expect(last.random).toStrictEqual(first.random)
    expect(last.last[1]).toBe('other')
    // Of the files by platform, each platform counts its own.
    expect(last.log).toMatch(new RegExp(`^${own}: Unchanged: reusing the image`, 'm'))
    expect(last.runs).toStrictEqual([expect.stringMatching(/^stage build: --> Using cache/)])

    const changed = await build(step({ src: 'two\n' }))
    expect(changed.made).toStrictEqual(['two\ntools\n', 'two\ntools\n'])
    expect(changed.random[0]).not.toBe(first.random[0])
    expect(changed.random[1]).toBe(changed.random[0])
  })
})

test('one that fails is named once, and without a platform', async () => {
  const built = builtBuildah('1.33.7')
  if (typeof built === 'string') return
  const { error, log } = await fail(stepWith(built)({ Dockerfile: dockerfile.replace('mkdir -p', 'false &&') }))
  expect(error).toMatch(/^stage build: /)
  expect(error).toContain('Error: building at STEP "RUN false')
  expect(error.match(/stage build/g)).toHaveLength(1)
  expect(error).not.toContain(own)
  expect(log.match(/^stage build: .*STEP \d\/\d: RUN false/gm)).toHaveLength(1)
})
