import { chmodSync, copyFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { builtBuildah, type ManifestServer, serveManifest, staticBuildah } from '../harness/built-buildah.js'
import { fail, succeed } from '../harness/clean-step.js'
import { matrixEngines } from '../harness/engines.js'
import { makeFolder } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { likeHostedRunner } from '../harness/surroundings.js'
import { describeExhaustively, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const built = staticBuildah()
const missing = typeof built === 'string' ? built : undefined
const { registry, base } = await useRegistry()

let server: ManifestServer | undefined
afterAll(async () => {
  await server?.stop()
})

/** What no Buildah of a distribution can yet; and a file that is mounted by itself, which Buildah opens for writing. */
const dockerfile = `FROM ${base}
RUN --mount=type=secret,id=token,env=TOKEN echo "$TOKEN" | wc -c >/size
RUN --mount=type=bind,source=list.json,target=/list.json cat /list.json >/listed && stat -c %a /list.json >/mode
`
const step = {
  workspace: { Dockerfile: dockerfile, 'list.json': '{}\n' },
  inputs: {
    ...{ images: `${registry.host}/acme/own`, push: 'true', 'tls-verify': 'false', sandbox: 'require' },
    ...{ engine: 'buildah', secrets: 'token=hunter22' },
  },
}

describe('the Buildah of the action', () => {
  const toolCache = makeFolder('tools', accountFor('user'))

  testUnless(missing ?? rootReason)('builds what the one on PATH is too old for, in a sandbox', async () => {
    if (typeof built === 'string') throw new Error(built)
    server = await serveManifest(built)
    const { log, outputs } = await succeed({ ...step, ...server.own, toolCache, within: likeHostedRunner })
    const image = await pullImage(`${registry.host}/acme/own:latest`)
    expect(contentOf(image, 'size').toString().trim()).toBe('9')
    expect(contentOf(image, 'listed').toString()).toBe('{}\n')
    expect(outputs).toMatchObject({ 'engine-version': built.version, rootless: 'true', digest: image.digest })
    expect(server.requests).toStrictEqual([expect.stringMatching(/^\/acme\/action\/releases\/download\/buildah-/)])
    expect(log).toMatch(/^Fetched http:\S+\.tar\.gz: 1\d\.\d MB in \d+\.\d s$/m)
    const line = /^Engine: .*$/m.exec(log)?.[0]
    expect(line).toMatch(
      / of this action, because [\d.]+ on PATH isn't enough: Dockerfile line 2: RUN with --mount=type=secret/,
    )
  })

  exhaustively(testUnless(missing ?? rootReason))(
    'mounts a single file that belongs to root for an account',
    async () => {
      if (typeof built === 'string') throw new Error(built)
      server ??= await serveManifest(built)
      const { log, outputs } = await succeed({ ...step, ...server.own, as: 'root' })
      const image = await pullImage(`${registry.host}/acme/own:latest`)
      expect(contentOf(image, 'listed').toString()).toBe('{}\n')
      expect(outputs).toMatchObject({ 'engine-version': built.version, rootless: 'true' })
      expect(log).toMatch(
        /^Sandbox: the build gets a copy of \S+, which rootless-build owns, to mount single files of it$/m,
      )
    },
  )

  const ubuntu = builtBuildah('1.33.7')
  const noUbuntu = typeof ubuntu === 'string' ? ubuntu : undefined
  testUnless(missing ?? noUbuntu ?? rootReason)(
    'comes from the tool cache, on the machine of Ubuntu 24.04, for an account that may not go there',
    async () => {
      if (typeof built === 'string' || typeof ubuntu === 'string' || server === undefined) throw new Error('Not there')
      const asked = server.requests.length
      chmodSync(toolCache, 0o700)
      const path = makeFolder('buildah')
      copyFileSync(ubuntu.program, join(path, 'buildah'))
      const workspace = {
        Dockerfile: `FROM ${base}\nCOPY --link made /made\n`,
        made: 'made\n',
      }
      const { log, outputs } = await succeed({ ...step, ...server.own, workspace, toolCache, path, as: 'root' })
      expect(log).toContain("of this action, because 1.33.7 on PATH isn't enough: Dockerfile line 2: COPY with --link")
      // A copy, in the private folder of the step.
      expect(log).toMatch(/^Engine: Buildah [\d.]+ \(\S+\/rootless-image-build-\w+\/buildah, /m)
      expect(outputs).toMatchObject({ 'engine-version': built.version, rootless: 'true' })
      expect(server.requests).toHaveLength(asked)
    },
  )
})

const oldest = matrixEngines().find(({ version }) => version === '1.23.1')
const testOldest = exhaustively(testUnless(rootReason ?? oldest?.missing))

// What it gets wrong is in known-wrong.test.ts, by chroot.
describeExhaustively('the Buildah of ubuntu-22.04', () => {
  beforeAll(() => oldest?.start())

  function build(lines: readonly string[], inputs: Readonly<Record<string, string>> = {}): StepOptions {
    const push = { images: `${registry.host}/acme/oldest`, push: 'true', 'tls-verify': 'false' }
    return {
      ...oldest?.wish(),
      workspace: { Dockerfile: [`FROM ${base} AS one`, ...lines, ''].join('\n') },
      inputs: { ...push, engine: 'buildah', 'buildah-version': '1.23.1', ...inputs },
      within: likeHostedRunner,
    }
  }

  testOldest('gives RUN a network of its own', async () => {
    const { log } = await succeed(build(['RUN readlink /proc/self/ns/net >/net']))
    const net = contentOf(await pullImage(`${registry.host}/acme/oldest:latest`), 'net')
    expect(log).toMatch(/, isolation rootless with \S+\/crun$/m)
    expect(net.toString().trim()).not.toBe(readlinkSync('/proc/self/ns/net'))
  })

  testOldest('is refused where RUN shall have no network', async () => {
    const { error } = await fail(build(['RUN true'], { network: 'none' }))
    expect(error).toContain('input "network" needs Buildah 1.28.0')
  })

  testOldest('fails by the line that failed, though it has begun the next stage', async () => {
    const stages = ['RUN true', 'RUN false', `FROM ${base} AS two`, 'RUN true', `FROM ${base}`]
    const copies = ['COPY --from=one /etc/group /one', 'COPY --from=two /etc/group /two']
    const { log } = await fail(build([...stages, ...copies]))
    expect(log).toMatch(/^::error file=Dockerfile,line=3::The build failed/m)
  })
})
