import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { bareBuildah } from './cache-bare.mjs'
import { keysFor, startService, transfer } from './cache-service.mjs'

// Owners, modes and extended attributes: without the last, files that a layer deletes come back.
const faithful = ['--numeric-owner', '--xattrs', '--xattrs-include=*']
const pack = ['tar', '--create', '--use-compress-program=zstd -3 -T0', ...faithful]
const unpack = ['tar', '--extract', '--use-compress-program=zstd -d', ...faithful]

/**
 * The whole storage in one archive, moved by actions/cache: restored before the build, saved after the push where it
 * wasn't found under its own key. With it comes Buildah's memory of what the registry has, which lies beside it.
 * @param {() => object} example the last build of the action without its cache
 * @returns {import('./cache.mjs').Arm & {changedBytes: () => number | undefined}} `changedBytes`: what the layers that
 * a changed file makes new are as an archive of their own
 */
export function tarArm(example) {
  let changed
  return {
    id: 'tar',
    title: '`actions/cache`, whole storage in one tar',
    phases: ['cold', 'same', 'changed'],
    changedBytes: () => changed,
    async open(round) {
      const folder = round.machine
      const service = await startService(join(round.folder, 'tar'))
      const own = join(folder, 'own')
      const store = { buildah: bareBuildah(own, example(), round.reference('tar')), own, folder, service }
      return {
        async run(phase) {
          await store.buildah.remove()
          store.buildah.make()
          const { before, ...measured } = await runOnce(store, phase)
          const traffic = service.takeTraffic()
          if (phase === 'changed') changed = await packNewLayers(store, before)
          return { ...measured, ...traffic }
        },
        async close() {
          await store.buildah.remove()
          await service.stop()
        },
      }
    },
  }
}

async function runOnce({ buildah, own, folder, service }, phase) {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  const archive = join(own, 'store.tar.zst')
  const { key, restoreKeys } = keysFor(phase)
  const found = await transfer(folder, service, { save: false, paths: [archive], key, restoreKeys })
  if (found !== undefined) {
    await buildah.unshare([...unpack, '--file', archive, '--directory', own])
    fs.rmSync(archive)
  }
  const before = layersIn(own)
  await buildah.build()
  await buildah.push()
  const pushed = elapsed()
  if (found !== key) {
    await buildah.unshare([...pack, '--file', archive, '--directory', own, 'root', 'data'])
    await transfer(folder, service, { save: true, paths: [archive], key })
  }
  return { pushed, ended: elapsed(), before }
}

/** Ids of the layers; none where the driver isn't overlay. */
function layersIn(own) {
  const folder = join(own, 'root/overlay')
  return fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name)) : []
}

/** Bytes of an archive with the layers that have come since `before`, and nothing else. */
async function packNewLayers({ buildah, own }, before) {
  const layers = layersIn(own).filter((id) => !before.includes(id))
  if (layers.length === 0) return undefined
  const archive = join(own, 'changed.tar.zst')
  const names = layers.flatMap((id) => [`overlay/${id}/diff`, `overlay-layers/${id}.tar-split.gz`])
  await buildah.unshare([...pack, '--file', archive, '--directory', join(own, 'root'), ...names])
  return fs.statSync(archive).size
}
