import { lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

import { beforeAll, describe, expect, jest, test } from '@jest/globals'

import { type Account, accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { daemonReason } from '../harness/docker-daemon.js'
import { listFolder, makeFolder, makeWorkspace } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles, pullImage } from '../harness/images.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { readTar } from '../harness/tar.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()
const docker = await useDocker(daemonReason())

const users = casesOfSet(
  [
    { as: 'user', reason: undefined },
    { as: 'root', reason: rootReason },
  ] as const,
  ({ as }) => as === 'user',
)

/** A build of an image with files of several modes and owners, for `registry.host`, which holds its base. */
function step(inputs: Record<string, string>, more: Partial<StepOptions> = {}): StepOptions {
  const dockerfile = `FROM ${busybox}
RUN mkdir -p /srv/empty && echo tool > /srv/tool && chmod 6755 /srv/tool && ln -s tool /srv/link
RUN echo owned > /srv/owned && chown 1234:5678 /srv/owned && chmod 640 /srv/owned
LABEL org.example.a=b
`
  const names = { images: `${registry.host}/acme/files`, tags: '1\n2', 'tls-verify': 'false' }
  return { ...more, workspace: { Dockerfile: dockerfile }, inputs: { ...names, ...inputs } }
}

describe('files of an image', () => {
  // Without root, Buildah itself takes setuid and setgid bits off files that it writes out; as root it keeps them.
  const builders = [
    { name: 'as user', as: 'user', reason: undefined, rootless: 'prefer', toolMode: 0o755 },
    { name: 'as root', as: 'root', reason: rootReason, rootless: 'prefer', toolMode: 0o755 },
    { name: 'as root, built by root', as: 'root', reason: rootReason, rootless: 'off', toolMode: 0o6755 },
  ] as const

  for (const { name, as, reason, rootless, toolMode } of casesOfSet(
    builders,
    ({ name }) => !name.includes('by root'),
  )) {
    describe(name, () => {
      let made: StepResult
      const at = (name: string): string => join(made.workspace, name)

      beforeAll(async () => {
        if (reason !== undefined) return
        const outputs = [
          'type=oci,dest=out/image.oci.tar',
          'type=docker,dest=out/image.docker.tar',
          'type=tar,dest=out/files.tar',
          'type=local,dest=out/files',
        ]
        made = await succeed(step({ outputs: outputs.join('\n'), rootless }, { as }))
      })

      for (const { type, file } of [
        { type: 'oci', file: 'out/image.oci.tar' },
        { type: 'docker', file: 'out/image.docker.tar' },
      ]) {
        testUnless(reason)(`type=${type} is an archive of the image`, async () => {
          const image = await pullImage(`${type}-archive:${at(file)}`)
          // Docker's archive has a configuration of its own form, and so of another digest.
          if (type === 'oci') expect(image.manifest.config.digest).toBe(made.outputs['imageid'])
          expect(image.config.config?.Labels).toMatchObject({ 'org.example.a': 'b' })
          const files = imageFiles(image)
          expect(files.get('srv/tool')).toMatchObject({ mode: 0o6755, uid: 0, gid: 0 })
          expect(files.get('srv/owned')).toMatchObject({ mode: 0o640, uid: 1234, gid: 5678 })
          expect(contentOf(image, 'srv/owned').toString()).toBe('owned\n')
          const names = [...readTar(readFileSync(at(file)))].find(({ path }) => /^(index|manifest)\.json$/.test(path))
          expect(names?.content.toString()).toContain(`${registry.host}/acme/files:1`)
        })
      }

      testUnless(reason)('type=tar has the files with their modes and owners', () => {
        const members = new Map([...readTar(readFileSync(at('out/files.tar')))].map((member) => [member.path, member]))
        expect(members.get('bin/busybox')).toMatchObject({ type: 'file', mode: 0o755, uid: 0, gid: 0 })
        expect(members.get('srv/tool')).toMatchObject({ type: 'file', mode: toolMode, uid: 0, gid: 0 })
        expect(members.get('srv/owned')).toMatchObject({ type: 'file', mode: 0o640, uid: 1234, gid: 5678 })
        expect(members.get('srv/owned')?.content.toString()).toBe('owned\n')
        expect(members.get('srv/link')).toMatchObject({ type: 'symlink', linkname: 'tool' })
        expect(members.get('srv/empty')).toMatchObject({ type: 'directory' })
      })

      testUnless(reason)('type=local has the files, which belong to who runs the step', () => {
        const files = at('out/files')
        expect(readFileSync(join(files, 'srv/owned'), 'utf8')).toBe('owned\n')
        expect(readlinkSync(join(files, 'srv/link'))).toBe('tool')
        expect(listFolder(join(files, 'srv'))).toStrictEqual(['empty', 'link', 'owned', 'tool'])
        expect(lstatSync(join(files, 'srv/tool')).mode & 0o7777).toBe(0o755)
        const { uid } = accountFor(as)
        const all = ['out', ...listFolder(at('out')).map((path) => join('out', path))]
        const found = all.map((path) => ({ path, ...pick(lstatSync(at(path))) }))
        expect(found.filter((one) => one.uid !== uid || one.special)).toStrictEqual([])
        expect(found.length).toBeGreaterThan(20)
      })
    })
  }

  exhaustively(test)('an image without a name, to a place outside of the workspace', async () => {
    const folder = makeFolder('elsewhere', accountFor('user'))
    const outputs = `type=docker,dest=${join(folder, 'image.tar')}\n${join(folder, 'files')}`
    await succeed({ workspace: { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' }, inputs: { outputs } })
    const image = await pullImage(`docker-archive:${join(folder, 'image.tar')}`)
    expect(imageFiles(image).has('Dockerfile')).toBe(true)
    expect(listFolder(join(folder, 'files'))).toStrictEqual(['Dockerfile'])
  })
})

describe('load', () => {
  interface Listed {
    readonly id: string
    readonly names: readonly string[] | null
  }

  /** All images, also those of steps, in the storage that a user's own Buildah uses. */
  async function storageOf(account: Account, env: Record<string, string>): Promise<Listed[]> {
    return JSON.parse(
      (await run('buildah', ['images', '--all', '--no-trunc', '--json'], { account, env })).toString() || '[]',
    ) as Listed[]
  }

  /** A user with a storage of their own and a storage.conf, of a driver that the build wouldn't choose. */
  function userWithStorage(account: Account): {
    env: Record<string, string>
    home: string
    conf: string
    root: string
  } {
    const folder = makeFolder('storage', account)
    const root = join(folder, 'root')
    const text = `[storage]\ndriver = "vfs"\ngraphroot = "${root}"\nrunroot = "${join(folder, 'run')}"\n`
    const home = makeWorkspace({ '.config/containers/storage.conf': text }, account)
    const conf = join(home, '.config/containers/storage.conf')
    // Root's Buildah reads no storage.conf in a home.
    return { env: { HOME: home, CONTAINERS_STORAGE_CONF: conf }, home, conf, root }
  }

  for (const { as, reason } of users) {
    testUnless(reason)(
      `as ${as}: the image, under its tags, and nothing else is in the user's own storage`,
      async () => {
        const account = accountFor(as)
        const { env, home, conf } = userWithStorage(account)
        const before = readFileSync(conf, 'utf8')
        const files = listFolder(join(home, '.config'))
        const { outputs, log } = await succeed(step({ load: 'true' }, { as, home, env }))
        expect(log).toContain('; storage driver overlay, ')
        expect(log).toContain('Load: the image is in the storage of Buildah and Podman; no Docker daemon answers\n')
        expect(listFolder(join(home, '.config'))).toStrictEqual(files)
        const images = await storageOf(account, env)
        expect(images.map(({ id }) => id)).toStrictEqual([outputs['imageid']])
        const names = [`${registry.host}/acme/files:1`, `${registry.host}/acme/files:2`]
        expect([...(images[0]?.names ?? [])].sort()).toStrictEqual(names)
        const containers = await run('buildah', ['containers', '--all', '--quiet'], { account, env })
        expect(containers.toString()).toBe('')
        // It is an image that can be used.
        const [name = ''] = names
        const from = (await run('buildah', ['from', '--pull-never', name], { account, env })).toString().trim()
        const made = await run('buildah', ['run', '--isolation', 'chroot', from, 'cat', '/srv/owned'], { account, env })
        expect(made.toString()).toBe('owned\n')
        await run('buildah', ['rm', from], { account, env })
        expect(readFileSync(conf, 'utf8')).toBe(before)
      },
    )

    testUnless(reason)(`as ${as}: without it, nothing is written to the user's storage`, async () => {
      const { env, home, root } = userWithStorage(accountFor(as))
      const before = listFolder(home)
      await succeed(step({ push: 'true' }, { as, home, env }))
      expect(listFolder(home)).toStrictEqual(before)
      expect(listFolder(join(root, '..'))).toStrictEqual([])
    })
  }

  testUnless(daemonReason())('the image is in Docker’s storage as well, where its daemon answers', async () => {
    const account = accountFor('user')
    const { env, home } = userWithStorage(account)
    const { outputs, log } = await succeed(
      step({ load: 'true' }, { home, env: { ...env, ...docker.environment('none') } }),
    )
    const names = [`${registry.host}/acme/files:1`, `${registry.host}/acme/files:2`]
    const ids = await Promise.all(names.map((name) => docker.run('image', 'inspect', '--format', '{{.Id}}', name)))
    const [id = ''] = ids.map((text) => text.trim())
    expect(ids[1]?.trim()).toBe(id)
    expect(log).toContain(`Load: the image is in the storage of Buildah and Podman, and in Docker's storage as ${id}\n`)
    expect((await storageOf(account, env)).map((image) => image.id)).toStrictEqual([outputs['imageid']])
    const archive = join(makeFolder('saved'), 'image.tar')
    await docker.run('save', '--output', archive, id)
    expect(imageFiles(await pullImage(`docker-archive:${archive}`)).get('srv/owned')).toMatchObject({ uid: 1234 })
  })

  exhaustively(test)('an image of Docker’s format', async () => {
    const account = accountFor('user')
    const { env, home } = userWithStorage(account)
    const { outputs } = await succeed(step({ load: 'true', format: 'docker' }, { home, env }))
    const images = await storageOf(account, env)
    expect(images.map(({ id }) => id)).toStrictEqual([outputs['imageid']])
  })
})

function pick({ uid, mode }: { uid: number; mode: number }): { uid: number; special: boolean } {
  return { uid, special: (mode & 0o6000) !== 0 }
}
