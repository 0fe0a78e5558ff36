import { execFileSync } from 'node:child_process'
import { lchownSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { git } from '../../../src/source/git.js'
import { temporaryFolder } from '../helpers.js'

const isRoot = process.getuid?.() === 0
const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' }

/** A checkout with one commit, of this owner. */
function checkout(owner?: number): string {
  const workspace = join(temporaryFolder(), 'web')
  const run = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args])
  run('init', '--quiet', workspace)
  run('-C', workspace, 'commit', '--quiet', '--allow-empty', '--message=first')
  if (owner !== undefined) execFileSync('chown', ['--recursive', String(owner), workspace])
  return workspace
}

const subject = ['log', '-1', '--format=%s']

describe('git', () => {
  it('looks into the checkout, and into one that the workspace links to', async () => {
    const workspace = checkout()
    const link = join(temporaryFolder(), 'link')
    symlinkSync(workspace, link)
    for (const path of [workspace, link]) expect(await git(subject, { workspace: path, env })).toBe('first\n')
  })

  // Only root can give files to somebody else.
  const itAsRoot = isRoot ? it : it.skip
  itAsRoot('looks into a checkout of another owner, by a link of another owner too', async () => {
    const workspace = checkout(54_321)
    const link = join(temporaryFolder(), 'link')
    symlinkSync(workspace, link)
    lchownSync(link, 54_322, 54_322)
    for (const path of [workspace, link]) expect(await git(subject, { workspace: path, env })).toBe('first\n')
  })

  it('looks into no repository above it', async () => {
    const above = checkout()
    const inside = join(above, 'inside')
    execFileSync('mkdir', [inside])
    const link = join(temporaryFolder(), 'link')
    symlinkSync(inside, link)
    for (const workspace of [inside, link]) expect(await git(subject, { workspace, env })).toBeUndefined()
  })
})
