import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { checkReadable, firstClosedFolder } from '../../../src/engine/access.js'
import type { BuildUser } from '../../../src/engine/build-user.js'
import { findProgram } from '../../../src/exec.js'
import { contextOf, rejection, temporaryFolder } from '../helpers.js'

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0
const env = { PATH: process.env['PATH'] ?? '' }

/** Somebody without root, as whom the tests may look at files: who runs them, or nobody in particular for root. */
async function somebody(): Promise<BuildUser> {
  const user = { name: 'somebody', home: '/nonexistent', reason: '' }
  if (uid !== 0) return { ...user, uid, gid, prefix: [] }
  const setpriv = (await findProgram('setpriv', env)) ?? ''
  return {
    ...user,
    uid: 54321,
    gid: 54321,
    prefix: [setpriv, '--reuid=54321', '--regid=54321', '--clear-groups', '--'],
  }
}

describe('firstClosedFolder', () => {
  it.each([
    // mode, and whether owner, group and others may enter
    [0o700, [true, false, false]],
    [0o750, [true, true, false]],
    [0o755, [true, true, true]],
    [0o711, [true, true, true]],
    [0o744, [true, false, false]],
    [0o070, [false, true, false]],
    [0o007, [false, false, true]],
    [0o666, [false, false, false]],
  ])('mode %o', async (mode, expected) => {
    const top = temporaryFolder()
    chmodSync(top, 0o755)
    const folder = join(top, 'folder')
    mkdirSync(folder)
    // To root every way is free, so root gives the folder to somebody else first.
    const owner = uid === 0 ? { uid: 54321, gid: 54322 } : { uid, gid }
    if (uid === 0) chownSync(folder, owner.uid, owner.gid)
    chmodSync(folder, mode)
    const users = [
      { uid: owner.uid, gid: owner.gid + 1 },
      { uid: owner.uid + 1, gid: owner.gid },
      { uid: owner.uid + 1, gid: owner.gid + 1 },
    ]
    const closed = await Promise.all(users.map((user) => firstClosedFolder(folder, user)))
    chmodSync(folder, 0o755)
    expect(closed).toStrictEqual(expected.map((free) => (free ? undefined : folder)))
  })

  it('gives the first one on the way', async () => {
    const top = temporaryFolder()
    chmodSync(top, 0o755)
    mkdirSync(join(top, 'a/b/c'), { recursive: true })
    for (const name of ['a', 'a/b/c']) chmodSync(join(top, name), 0o700)
    const other = { uid: uid + 1, gid: gid + 1 }
    expect(await firstClosedFolder(join(top, 'a/b/c'), other)).toBe(join(top, 'a'))
    expect(await firstClosedFolder(top, other)).toBeUndefined()
    expect(await firstClosedFolder(join(top, 'a/b/c'), { uid: 0, gid: 0 })).toBeUndefined()
  })
})

describe('checkReadable', () => {
  /** A context with these files; a mode behind the name, 0644 by default. */
  const contextWith = (files: Readonly<Record<string, number>>, ignore?: Readonly<Record<string, string>>) => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    for (const [name, text] of Object.entries(ignore ?? {})) writeFileSync(join(folder, name), text)
    for (const name of Object.keys({ Dockerfile: 0, ...files })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), '')
    }
    for (const [name, mode] of Object.entries(files)) chmodSync(join(folder, name), mode)
    return { context: folder, file: join(folder, 'Dockerfile') }
  }
  /** Whom the files of the tests don't belong to: without root they can belong to nobody else, but to another group. */
  const stranger = async () => ({ ...(await somebody()), ...(uid !== 0 && { gid: gid + 1 }) })
  const check = async (source: { context: string; file: string }, buildUser?: BuildUser) => {
    await checkReadable(source, buildUser ?? (await stranger()), contextOf({ env }))
  }

  it.each([
    ['everything can be read', { 'a b/c\nd': 0o644 }, {}],
    ['what can’t is ignored', { 'keys/id': 0o000, 'x.key': 0o000 }, { '.dockerignore': 'keys\n*.key' }],
    ['… by .containerignore, which goes first', { x: 0o000 }, { '.dockerignore': '', '.containerignore': 'x' }],
    ['… by the Dockerfile’s own', { x: 0o000 }, { '.dockerignore': '', 'Dockerfile.dockerignore': 'x' }],
  ])('lets pass: %s', async (_, files, ignore) => {
    await expect(check(contextWith(files, ignore))).resolves.toBeUndefined()
  })

  it('lets pass what belongs to the account, which can read it in its user namespace', async () => {
    const source = contextWith({ x: 0o100, 'folder/y': 0o000 })
    chmodSync(join(source.context, 'folder'), 0o000)
    const buildUser = await somebody()
    for (const name of ['x', 'folder']) chownSync(join(source.context, name), buildUser.uid, buildUser.gid)
    await expect(check(source, buildUser)).resolves.toBeUndefined()
    chmodSync(join(source.context, 'folder'), 0o755)
  })
  ;(uid === 0 ? it : it.skip)('names what belongs to its group alone, or to another group (needs root)', async () => {
    const { uid: owner, gid: group } = await somebody()
    for (const [of, by] of [
      [owner, group + 1],
      [owner + 1, group],
    ] as const) {
      const source = contextWith({ x: 0o100 })
      chownSync(join(source.context, 'x'), of, by)
      expect((await rejection(check(source))).message).toContain(JSON.stringify(join(source.context, 'x')))
    }
  })

  it('lets pass a link that leads nowhere, which is copied as it is', async () => {
    const source = contextWith({})
    symlinkSync('/nonexistent', join(source.context, 'link'))
    await expect(check(source)).resolves.toBeUndefined()
  })

  it.each([
    ['a file', { 'keys/id': 0o000 }, {}, 'keys/id'],
    ['a file with a space and a line break', { 'a b\nc': 0o000 }, {}, 'a b\nc'],
    ['the Dockerfile', { Dockerfile: 0o000 }, {}, 'Dockerfile'],
    ['the Dockerfile, also where it is ignored', { Dockerfile: 0o000 }, { '.dockerignore': '*' }, 'Dockerfile'],
    ['a file that an exception takes back', { x: 0o000 }, { '.dockerignore': '*\n!x' }, 'x'],
  ])('names %s that can’t be read, and what to do', async (_, files, ignore, name) => {
    const source = contextWith(files, ignore)
    const error = await rejection(check(source))
    expect(error.message).toContain(JSON.stringify(join(source.context, name)))
    expect(error.message).toMatch(/^The build runs as somebody \(uid \d+\)/)
    expect(error.hint).toMatch(/chmod --recursive a\+rX.*\.dockerignore.*"rootless-user"/)
  })

  it('names a folder that can’t be entered', async () => {
    const source = contextWith({ 'closed/x': 0o644 })
    chmodSync(join(source.context, 'closed'), 0o600)
    const error = await rejection(check(source))
    chmodSync(join(source.context, 'closed'), 0o755)
    expect(error.message).toContain(JSON.stringify(join(source.context, 'closed')))
  })

  it('names the folder on the way to the context that can’t be entered', async () => {
    const source = contextWith({ 'app/Dockerfile': 0o644 })
    chmodSync(source.context, 0o000)
    const inside = { context: join(source.context, 'app'), file: join(source.context, 'app/Dockerfile') }
    const error = await rejection(
      check(inside).finally(() => {
        chmodSync(source.context, 0o755)
      }),
    )
    expect(error.message).toContain(`can't enter ${JSON.stringify(source.context)}`)
  })

  it('has nothing to say to root', async () => {
    const root = { ...(await somebody()), uid: 0, gid: 0, prefix: ['/nonexistent'] }
    await expect(checkReadable(contextWith({ x: 0o000 }), root, contextOf({ env }))).resolves.toBeUndefined()
  })
})
