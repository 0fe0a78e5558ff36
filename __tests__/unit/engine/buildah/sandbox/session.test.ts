import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { unrestricted } from '../../../../../src/engine/buildah/sandbox/session.js'
import { temporaryFolder } from '../../../helpers.js'

describe('unrestricted', () => {
  const folder = temporaryFolder()
  const [program, copy, profile] = ['unshare', 'copy', 'profile'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(program, 'ELF', { mode: 0o755 })

  it('is the program itself where AppArmor has no profile for it', async () => {
    expect(await unrestricted(program, copy, profile)).toBe(program)
  })

  it('is a copy that can be run where it has one', async () => {
    writeFileSync(profile, '')
    expect(await unrestricted(program, copy, profile)).toBe(copy)
    expect(readFileSync(copy, 'utf8')).toBe('ELF')
    expect(statSync(copy).mode & 0o777).toBe(0o755)
  })
})
