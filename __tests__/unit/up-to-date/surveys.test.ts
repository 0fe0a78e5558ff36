import { writeFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { whyUnread } from '../../../src/up-to-date/surveys.js'
import { temporaryFolder } from '../helpers.js'

const failureOf = (read: Promise<unknown>) => read.then(String, (error: unknown) => error)

describe('whyUnread', () => {
  it('says of a name that isn’t UTF-8 that this is why it can’t be read', async () => {
    const folder = temporaryFolder()
    writeFileSync(Buffer.from(`${folder}/caf\xe9.txt`, 'latin1'), '')
    const [name = ''] = await readdir(folder)
    expect(whyUnread(await failureOf(lstat(join(folder, name))))).toBe(`the name "${folder}/caf\uFFFD.txt" isn't UTF-8`)
  })

  it('leaves everything else to the system', async () => {
    const missing = await failureOf(lstat(join(temporaryFolder(), 'café')))
    expect(whyUnread(missing)).toContain('ENOENT: no such file')
    expect(whyUnread(new Error('EISDIR: illegal operation'))).toBe('EISDIR: illegal operation')
    expect(whyUnread('text')).toBe('text')
  })
})
