import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import type { BuildahSetup } from '../../../../../src/engine/buildah/setup.js'
import { pullImages } from '../../../../../src/engine/buildah/images/pulls.js'
import { unknownImage } from '../../../../../src/engine/buildah/build/late-pulls.js'
import type { Sandbox } from '../../../../../src/engine/buildah/sandbox/session.js'
import { fakeClock } from '../../../fake-clock.js'
import { contextOf } from '../../../helpers.js'

/** A Buildah that is a shell script, without a sandbox. */
function setupOf(script: string): BuildahSetup {
  const path = mkdtempSync(join(tmpdir(), 'rib-pulls-'))
  const program = join(path, 'buildah')
  writeFileSync(program, script, { mode: 0o755 })
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  const sandbox: Sandbox = { enter: [], env: {}, missing: undefined, close: () => Promise.resolve() }
  const open = () => Promise.resolve(sandbox)
  return {
    buildah: { path: program, launcher: program, version: '1.43.2', reason: '' },
    folder: { path, buildUser, env: { PATH: '/usr/bin:/bin' } },
    mode: { driver: 'vfs', fuseOverlayfs: undefined, isolation: 'chroot', runtime: undefined, network: 'default' },
    root: join(path, 'root'),
    context: contextOf({}),
    files: { auth: join(path, 'auth.json'), policy: undefined, dropInFolder: undefined },
    insecure: [],
    hasLogin: () => false,
    docker: { findDaemon: () => Promise.resolve(undefined), loadArchive: () => Promise.resolve('') },
    sandboxes: {
      root: '/root',
      forBuild: open,
      forBuildWithLogin: open,
      forRegistries: open,
      close: () => Promise.resolve(),
    },
  }
}

describe('pullImages', () => {
  it('ends what still pulls when the time is over', async () => {
    const setup = setupOf('#!/bin/sh\necho $$ >started && mv started pid\nexec sleep 600\n')
    const pid = join(setup.folder.path, 'pid')
    const clock = fakeClock()
    const pulling = pullImages([{ name: 'example.org/slow', platform: undefined }], false, setup, clock)
    const ended = expect(pulling).rejects.toThrow('Base images were not pulled within the limit of 60m.')
    while (!existsSync(pid)) await othersTurn()
    clock.pass(60 * 60_000)
    await ended
    while (existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}/exe`)) await othersTurn()
  })
})

describe('unknownImage', () => {
  it.each([
    ['STEP 1/2: FROM busybox:1\nError: creating build container: busybox:1: image not known\n', 'busybox:1'],
    ['Error: COPY --from=host:5/some/img:2: no stage or image found with that name\n', 'host:5/some/img:2'],
    [
      'Error: building at STEP "RUN --mount=type=bind,from=acme/some,target=/x true": type=bind,from=acme/some,target=/x from=acme/some: no stage or image found with that name\n',
      'acme/some',
    ],
    ['Error: type=bind,from=acme/some,target=/x from=acme/some: no stage or image found with that name\n', 'acme/some'],
    ['Error: building at STEP "RUN make": while running runtime: exit status 2\n', undefined],
    // What a step prints stands before the last error.
    [
      'Error: creating build container: evil: image not known\nError: building at STEP "RUN x": exit status 1\n',
      undefined,
    ],
  ])('%j', (output, expected) => {
    expect(unknownImage(output)).toBe(expected)
  })
})
