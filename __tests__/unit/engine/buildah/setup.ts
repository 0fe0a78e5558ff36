import { type ExecutionMode } from '../../../../src/engine/buildah/find/probe.js'
import type { WorkDir } from '../../../../src/engine/work-dir.js'
import { contextOf } from '../../helpers.js'

export const folder: WorkDir = {
  path: '/temp/rib-1',
  buildUser: { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' },
  env: {},
}
export const chroot: ExecutionMode = {
  driver: 'overlay',
  fuseOverlayfs: undefined,
  isolation: 'chroot',
  runtime: undefined,
  network: 'default',
}
export const context = contextOf({ workspace: '/workspace' })
export const version = (number: string) => ({
  path: '/usr/bin/buildah',
  launcher: '/usr/bin/buildah',
  version: number,
  reason: '',
})
export const root = '/cache/root'
export const files = { auth: '/temp/rib-1/auth.json', policy: undefined, dropInFolder: undefined }
export const setup = { buildah: version('1.28.2'), folder, mode: chroot, root, context, files }
