import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles, pullImage, type PulledImage } from '../harness/images.js'
import { elfHeader, indexOfPlatforms, machineOf, ownArchitecture, readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import { runAction, type StepOptions } from '../harness/runner.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()
const own = `linux/${ownArchitecture()}`
const foreign = own === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const both = await indexOfPlatforms(base, 'both', [foreign])

const step = (workspace: Record<string, string>, inputs: Record<string, string> = {}): StepOptions => ({
  workspace,
  inputs: { images: `${registry.host}/acme/web`, push: 'true', 'tls-verify': 'false', cache: 'off', ...inputs },
})

const pulled = (digest: string) => pullImage(`${registry.host}/acme/web@${digest}`)
const shaOf = (image: PulledImage, path: string) => imageFiles(image).get(path)?.sha256

test('two platforms of one Dockerfile are one index, each with its own base and arguments', async () => {
  const dockerfile = `FROM ${both}
ARG TARGETPLATFORM
ARG TARGETARCH
COPY $TARGETARCH /app
ENV BUILT_FOR=$TARGETPLATFORM
`
  const workspace = { Dockerfile: dockerfile, amd64: 'for amd64', arm64: 'for arm64' }
  const { outputs } = await succeed(step(workspace, { platforms: `${foreign},${own}`, tags: '1\n2' }))
  const [first, second] = [
    await getManifest(`${registry.host}/acme/web:1`),
    await getManifest(`${registry.host}/acme/web:2`),
  ]
  expect(second.bytes).toStrictEqual(first.bytes)
  expect(outputs['digest']).toBe(digestOf(first.bytes))
  const { manifests } = readIndex(first.bytes)
  expect(manifests.map(({ platform: { os, architecture } }) => `${os}/${architecture}`)).toStrictEqual([foreign, own])
  for (const { digest, platform } of manifests) {
    const image = await pulled(digest)
    const name = `linux/${platform.architecture}`
    expect(image.config).toMatchObject({ os: 'linux', architecture: platform.architecture })
    expect(image.config.config?.Env).toContain(`BUILT_FOR=${name}`)
    expect(shaOf(image, 'app')).toBe(digestOf(Buffer.from(`for ${platform.architecture}`)).slice('sha256:'.length))
  }
  const other = await pulled(manifests[0]?.digest ?? '')
  expect(shaOf(other, 'bin/busybox')).toBe(digestOf(elfHeader(foreign.replace('linux/', ''))).slice('sha256:'.length))
  expect(JSON.parse(outputs['platform-digests'] ?? '')).toStrictEqual(
    Object.fromEntries(manifests.map(({ digest, platform }) => [`linux/${platform.architecture}`, digest])),
  )
  expect(outputs['imageid']).toBe('')
})

test('a scratch image of six platforms needs no emulator, and each is labelled as what it is', async () => {
  const names = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/386', 'linux/s390x', 'linux/riscv64']
  const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /app\nCMD ["/app"]\n'
  const programs = Object.fromEntries(
    names.map((name) => name.split('/')[1] ?? '').map((name) => [name, `for ${name}`]),
  )
  const { outputs } = await succeed(
    step({ Dockerfile: dockerfile, ...programs }, { platforms: names.join(','), tags: 'six' }),
  )
  const { manifests } = readIndex((await getManifest(`${registry.host}/acme/web:six`)).bytes)
  expect(manifests).toHaveLength(names.length)
  expect(Object.keys(JSON.parse(outputs['platform-digests'] ?? '') as object)).toStrictEqual(names)
  for (const [index, { digest, platform }] of manifests.entries()) {
    const { os, architecture, variant } = platform
    expect([os, architecture, ...(variant === undefined ? [] : [variant])].join('/')).toBe(names[index])
    const image = await pulled(digest)
    expect(image.config).toMatchObject({ architecture, ...(variant !== undefined && { variant }) })
    expect(contentOf(image, 'app').toString()).toBe(`for ${architecture}`)
  }
})

test('of three platforms, only the new one is built, and the same index comes back', async () => {
  const workspace = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY f /app\nENV FOR=$TARGETARCH\n', f: 'f' }
  const kept = makeFolder('kept', accountFor('user'))
  const build = async (platforms: string) => {
    const inputs = { platforms, tags: 'kept', cache: 'directory', 'cache-dir': kept, unchanged: 'skip' }
    const { outputs, log } = await succeed(step(workspace, inputs))
    const digests = JSON.parse(outputs['platform-digests'] ?? '') as Record<string, string>
    return { log, digest: outputs['digest'], digests, built: outputs['built'] }
  }
  const first = await build('linux/amd64,linux/arm64')
  const grown = await build('linux/amd64,linux/arm64,linux/riscv64')
  for (const same of ['linux/amd64', 'linux/arm64'])
    expect(grown.log).toMatch(new RegExp(`^${same}: Unchanged: reusing the image`, 'm'))
  expect(grown).toMatchObject({ built: 'true', digests: first.digests })
  const back = await build('linux/amd64,linux/arm64')
  expect(back).toMatchObject({ built: 'false', digest: first.digest, digests: first.digests })
})

test('the image of the runner’s own platform is at hand until the job ends', async () => {
  const dockerfile = `FROM ${both}\nCOPY f /f\n`
  const asked = { platforms: `${foreign},${own}`, push: 'false' }
  const { outputs, log } = await runAction({ ...step({ Dockerfile: dockerfile, f: 'f' }, asked), only: 'main' })
  const program = /^Engine: Buildah \S+ \((\/[^,]+),/m.exec(log)?.[1] ?? ''
  const env = { CONTAINERS_STORAGE_CONF: outputs['storage-conf'] ?? '' }
  const ask = async (...args: string[]) => (await run(program, args, { account: accountFor('user'), env })).toString()
  const ids = (await ask('images', '--all', '--quiet', '--no-trunc')).trim().split('\n')
  const described = await Promise.all(ids.map((id) => ask('inspect', '--type', 'image', id)))
  const images = described.map((text) => JSON.parse(text) as { readonly OCIv1: { readonly architecture: string } })
  expect(new Set(images.map(({ OCIv1 }) => `linux/${OCIv1.architecture}`))).toStrictEqual(new Set([own]))
  expect(outputs['imageid']).toBe('')
})

test('load takes the image of the runner’s own platform, and says so', async () => {
  const account = accountFor('user')
  const folder = makeFolder('storage', account)
  const conf = [`graphroot = "${join(folder, 'root')}"`, `runroot = "${join(folder, 'run')}"`]
  const text = ['[storage]', 'driver = "vfs"', ...conf, ''].join('\n')
  const home = makeWorkspace({ '.config/containers/storage.conf': text }, account)
  const env = { HOME: home, CONTAINERS_STORAGE_CONF: join(home, '.config/containers/storage.conf') }
  const workspace = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n', f: 'f' }
  const asked = { platforms: `${foreign},${own}`, push: 'false', load: 'true' }
  const { log } = await succeed({ ...step(workspace, asked), home, env })
  expect(log).toContain(`Load: takes the image for ${own}, the platform of this runner\n`)
  const ask = async (...args: string[]) => (await run('buildah', args, { account, env })).toString().trim()
  const ids = (await ask('images', '--all', '--quiet', '--no-trunc')).split('\n')
  expect(ids).toHaveLength(1)
  const { OCIv1 } = JSON.parse(await ask('inspect', '--type', 'image', ...ids)) as {
    readonly OCIv1: { readonly architecture: string }
  }
  expect(`linux/${OCIv1.architecture}`).toBe(own)
})

test('a base image without a platform is an error before the build that says what it has', async () => {
  const { error, log } = await fail(step({ Dockerfile: `FROM ${both}\n` }, { platforms: `${own},linux/s390x` }))
  expect(error).toContain(`Dockerfile line 1: the base image ${both} isn't there for linux/s390x.`)
  expect(error).toContain(`It has ${own}, ${foreign}.`)
  expect(log).not.toContain('STEP 1')
})

test('outputs have all platforms, and annotations go to their places', async () => {
  const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /app/file\n'
  const workspace = makeWorkspace({ Dockerfile: dockerfile, amd64: 'one', arm64: 'two' }, accountFor('user'))
  const outputs = ['type=oci,dest=out/image.tar', 'type=local,dest=out/files', 'type=tar,dest=out/files.tar']
  const annotations = [
    'team=web',
    'index:team=all',
    'manifest[linux/arm64]:chip=arm',
    'manifest-descriptor[linux/arm64]:fast=no',
    'index-descriptor:kept=yes',
  ]
  const asked = { platforms: 'linux/amd64,linux/arm64', tags: 'out', outputs: outputs.join('\n') }
  const { outputs: result } = await succeed({
    ...step({}, { ...asked, annotations: annotations.join('\n') }),
    workspace,
  })
  const index = readIndex((await getManifest(`${registry.host}/acme/web:out`)).bytes)
  expect(index.annotations).toStrictEqual({ team: 'all' })
  expect(index.manifests.map((one) => one.annotations)).toStrictEqual([undefined, { fast: 'no' }])
  const [first, second] = await Promise.all(index.manifests.map(({ digest }) => pulled(digest)))
  expect(first?.manifest.annotations).toMatchObject({ team: 'web' })
  expect(first?.manifest.annotations).not.toHaveProperty('chip')
  expect(second?.manifest.annotations).toMatchObject({ team: 'web', chip: 'arm' })
  expect(result['annotations']).toContain('index:team=all')
  const read = (...path: string[]) => readFileSync(join(workspace, 'out', ...path), 'utf8')
  expect([read('files/linux_amd64/app/file'), read('files/linux_arm64/app/file')]).toStrictEqual(['one', 'two'])
  const listed = (await run('tar', ['--list', '--file', join(workspace, 'out/files.tar')])).toString()
  expect(listed).toMatch(/^linux_arm64\/app\/file$/m)
  const unpacked = makeFolder('layout')
  await run('tar', ['--extract', '--file', join(workspace, 'out/image.tar'), '--directory', unpacked])
  const { manifests: tops } = readIndex(readFileSync(join(unpacked, 'index.json')))
  expect(tops.map((top) => top.annotations)).toStrictEqual([expect.objectContaining({ kept: 'yes' })])
  const raw = (await run('skopeo', ['inspect', '--raw', `oci:${unpacked}:${registry.host}/acme/web:out`])).toString()
  expect(readIndex(Buffer.from(raw)).manifests.map(({ platform }) => platform.architecture)).toStrictEqual([
    'amd64',
    'arm64',
  ])
})

test('one other platform is a plain manifest', async () => {
  const { outputs } = await succeed(
    step({ Dockerfile: `FROM ${both}\nCOPY f /f\n`, f: 'f' }, { platforms: foreign, tags: 'one' }),
  )
  const image = await pullImage(`${registry.host}/acme/web:one`)
  expect(image.config.architecture).toBe(foreign.replace('linux/', ''))
  expect(machineOf(contentOf(image, 'bin/busybox'))).toBe(foreign.replace('linux/', ''))
  expect(outputs['imageid']).toBe(image.manifest.config.digest)
  expect(JSON.parse(outputs['platform-digests'] ?? '')).toStrictEqual({ [foreign]: image.digest })
})
