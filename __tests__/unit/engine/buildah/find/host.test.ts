import { chmodSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { rangeSize, readHost } from '../../../../../src/engine/buildah/find/host.js'
import { temporaryFolder } from '../../../helpers.js'

describe('rangeSize', () => {
  it.each([
    ['', 0],
    ['me:100000:65536', 65536],
    ['me:100000:65536\n', 65536],
    ['you:100000:65536\nme:165536:1000\n', 1000],
    // several ranges, by name and by number
    ['me:100000:65536\n1000:200000:65536\n', 131072],
    ['1000:100000:65536', 65536],
    // not this user
    ['mean:100000:65536\nme2:1:1\n10000:100000:65536', 0],
    ['#me:100000:65536', 0],
    // no numbers
    ['me:100000:', 0],
    ['me:100000', 0],
    ['me', 0],
    ['me:x:y\nme:1:2', 2],
  ])('%j: %i', (text, expected) => {
    expect(rangeSize(text, { name: 'me', uid: 1000 })).toBe(expected)
  })
})

describe('readMachine', () => {
  const me = { name: 'nobody-of-this-name', uid: 54321, gid: 54321, home: '/' }

  it('finds programs on PATH first, and whether they are setuid', async () => {
    const folder = temporaryFolder()
    for (const [name, mode] of [
      ['crun', 0o755],
      ['runc', 0o644],
      ['newuidmap', 0o4755],
      ['newgidmap', 0o755],
    ] as const) {
      writeFileSync(join(folder, name), '')
      chmodSync(join(folder, name), mode)
    }
    const host = await readHost(me, folder, { PATH: `relative:${folder}` })
    expect(host).toMatchObject({
      kernel: release(),
      crun: join(folder, 'crun'),
      newuidmap: { path: join(folder, 'newuidmap'), setuid: true },
      newgidmap: { path: join(folder, 'newgidmap'), setuid: false },
      subuids: 0,
      subgids: 0,
    })
    // A file that can't be run is no program.
    expect(host.runc).not.toBe(join(folder, 'runc'))
    expect(host.freeBytes).toBeGreaterThan(0)
  })

  it('takes a Kubernetes pod for a container', async () => {
    const host = await readHost(me, temporaryFolder(), { KUBERNETES_SERVICE_HOST: '10.0.0.1' })
    expect(host.inContainer).toBe(true)
  })
})
