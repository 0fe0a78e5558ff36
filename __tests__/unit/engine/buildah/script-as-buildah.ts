import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuildahSetup } from '../../../../src/engine/buildah/setup.js'
import type { Sandbox } from '../../../../src/engine/buildah/sandbox/session.js'
import { contextOf } from '../../helpers.js'

/** A Buildah that is a shell script, without a sandbox. */
export function setupOf(script: string): BuildahSetup {
  const path = mkdtempSync(join(tmpdir(), 'rib-script-'))
  const program = join(path, 'buildah')
  writeFileSync(program, script, { mode: 0o755 })
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  const sandbox: Sandbox = { enter: [], env: {}, isApart: false, missing: undefined, close: () => Promise.resolve() }
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
