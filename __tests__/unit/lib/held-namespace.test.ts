import { execFileSync } from 'node:child_process'
import { readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { holdNamespace, type NamespaceMaker } from '../../../src/lib/held-namespace.js'
import { temporaryFolder } from '../helpers.js'

const options = { env: { PATH: process.env['PATH'] ?? '' }, cwd: temporaryFolder() }

/** A program in the place of Buildah, called as `launcher unshare PROGRAM…`. */
function maker(script: string): NamespaceMaker {
  const path = join(temporaryFolder(), 'buildah')
  writeFileSync(path, `#!/bin/sh\nshift\n${script}\n`, { mode: 0o755 })
  return { prefix: [], unshare: [path, 'unshare'] }
}

const space = (enter: readonly string[]) =>
  execFileSync(enter[0] ?? '', [...enter.slice(1), 'readlink', '/proc/self/ns/user'])
    .toString()
    .trim()

describe('a user namespace that is held', () => {
  it('is one for all programs, until it is closed', async () => {
    const held = await holdNamespace(maker('exec unshare --user --map-root-user "$@"'), options)
    const enter = held?.enter ?? []
    const first = space(enter)
    expect(first).toMatch(/^user:/)
    expect(first).not.toBe(readlinkSync('/proc/self/ns/user'))
    expect(space(enter)).toBe(first)
    expect(held?.uidMap).toMatch(/^ *0 +\d+ +1\n$/)
    await held?.close()
    expect(() => space(enter)).toThrow('nsenter')
  })

  it('lets a mount be seen by those alone that ask for mounts', async () => {
    const held = await holdNamespace(maker('exec unshare --user --map-root-user --mount "$@"'), options)
    const [enter, enterMounts] = [held?.enter ?? [], held?.enterMounts ?? []]
    const run = ([program = '', ...args]: readonly string[]) => execFileSync(program, args).toString()
    run([...enterMounts, 'mount', '-t', 'tmpfs', 'held', options.cwd])
    expect(run([...enterMounts, 'cat', '/proc/self/mounts'])).toContain(`held ${options.cwd} tmpfs`)
    expect(run([...enter, 'cat', '/proc/self/mounts'])).not.toContain(`held ${options.cwd} tmpfs`)
    await held?.close()
  })

  it.each([
    ['can’t be made', 'exit 1'],
    ['isn’t root’s inside', 'exec unshare --user "$@"'],
    ['is of a process that is no more', 'echo 4194305; exec cat >/dev/null'],
    ['is of no process', 'echo none; exec cat >/dev/null'],
  ])('is none where it %s', async (_, script) => {
    expect(await holdNamespace(maker(script), options)).toBeUndefined()
  })

  it('is none where no program enters it', async () => {
    const env = { PATH: temporaryFolder() }
    expect(await holdNamespace(maker('exec unshare --user --map-root-user "$@"'), { ...options, env })).toBeUndefined()
  })
})
