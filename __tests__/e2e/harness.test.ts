import { createHash } from 'node:crypto'

import { describe, expect, test } from '@jest/globals'

import { run } from '../harness/command.js'
import { newerBuildah, serveManifest } from '../harness/built-buildah.js'
import { startFlakyProxy } from '../harness/flaky-proxy.js'
import { makeFolder } from '../harness/folders.js'
import { imageContains, imageFiles, pullImage } from '../harness/images.js'
import { startRegistry, statusOf } from '../harness/registry.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

const { registry, base: busybox } = await useRegistry()

describe('registry', () => {
  test('an image comes back as it went in', async () => {
    const image = await pullImage(busybox)
    expect(image.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(image.config.config?.Cmd).toStrictEqual(['/bin/sh'])
    const files = imageFiles(image)
    expect(files.get('bin/busybox')).toMatchObject({ type: 'file', mode: 0o755, uid: 0, gid: 0 })
    expect(files.get('bin/sh')).toMatchObject({ type: 'symlink', linkname: 'busybox' })
    expect(imageContains(image, 'nobody:x:65534')).toBe(true)
    expect(imageContains(image, 'nobody:x:65535')).toBe(false)
  })

  test('with a login it refuses everyone else', async () => {
    const guarded = await startRegistry({ login: { username: 'ada', password: 'correct horse' }, tls: true })
    try {
      expect(await statusOf(`https://${guarded.host}/v2/`)).toBe(401)
      await expect(pullImage(`${guarded.host}/none:1`, { username: 'ada', password: 'wrong' })).rejects.toThrow(
        'authentication required',
      )
      await expect(pullImage(`${guarded.host}/none:1`, { username: 'ada', password: 'correct horse' })).rejects.toThrow(
        'manifest unknown',
      )
    } finally {
      await guarded.stop()
    }
  })
})

describe('flaky proxy', () => {
  test('answers as scripted, so many times, then passes on', async () => {
    const answer = { status: 429, headers: { 'retry-after': '1' } }
    const proxy = await startFlakyProxy(registry.host, [{ method: 'GET', path: /^\/v2\/$/, times: 2, answer }])
    try {
      const statuses = []
      for (let turn = 0; turn < 3; turn += 1) statuses.push(await statusOf(`http://${proxy.host}/v2/`))
      expect(statuses).toStrictEqual([429, 429, 200])
      expect(proxy.count('GET', /^\/v2\/$/)).toBe(3)
    } finally {
      await proxy.stop()
    }
  })

  test('cuts one upload half way: nothing of it is in the registry', async () => {
    const cut = { method: 'PATCH', path: /\/blobs\/uploads\//, times: 1, answer: 'cut' } as const
    const proxy = await startFlakyProxy(registry.host, [cut])
    const folder = makeFolder('copy')
    try {
      await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${busybox}`, `dir:${folder}`])
      const push = ['copy', '--quiet', '--dest-tls-verify=false', `dir:${folder}`, `docker://${proxy.host}/cut:1`]
      await expect(run('skopeo', push)).rejects.toThrow('writing blob')
      expect(proxy.requests.filter(({ answer }) => answer === 'cut')).toHaveLength(1)
      await expect(pullImage(`${registry.host}/cut:1`)).rejects.toThrow('manifest unknown')
      await run('skopeo', push)
      expect((await pullImage(`${registry.host}/cut:1`)).digest).toBe((await pullImage(busybox)).digest)
    } finally {
      await proxy.stop()
    }
  })
})

describe('a current Buildah', () => {
  const current = newerBuildah()

  testUnless(typeof current === 'string' ? current : undefined)('is served with its manifest', async () => {
    if (typeof current === 'string') throw new Error(current)
    const server = await serveManifest(current)
    try {
      const [release] = (await (await fetch(server.url)).json()) as [{ version: string; files: [ManifestFile] }]
      const [{ download_url, sha256 }] = release.files
      const archive = Buffer.from(await (await fetch(new URL(download_url, server.url))).arrayBuffer())
      expect(createHash('sha256').update(archive).digest('hex')).toBe(sha256)
      expect((await run('tar', ['--list', '--gzip'], { input: archive })).toString()).toBe('bin/buildah\n')
      expect((await run(current.program, ['--version'])).toString()).toContain(release.version)
    } finally {
      await server.stop()
    }
  })
})

interface ManifestFile {
  readonly download_url: string
  readonly sha256: string
}
