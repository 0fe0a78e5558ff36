import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import type { Entries } from '../../../../src/cache/backends/entries.js'
import { fetchPart, sendPart } from '../../../../src/cache/backends/parts.js'
import { partKey, partPath } from '../../../../src/cache/key.js'
import { temporaryFolder } from '../../helpers.js'

/** A service in memory, as seen from a job. */
function service(stored: Map<string, string>) {
  const stagingDir = temporaryFolder()
  mkdirSync(stagingDir, { recursive: true })
  const asked: string[] = []
  const entries = {
    fetch: (key: string, path: string) => {
      asked.push(key)
      const found = stored.has(key) ? key : [...stored.keys()].findLast((one) => one.startsWith(key))
      if (found !== undefined) writeFileSync(join(stagingDir, path), stored.get(found) ?? '')
      return Promise.resolve(found)
    },
    has: (key: string) => Promise.resolve([...stored.keys()].some((one) => one.startsWith(key))),
    store: async (key: string, path: string) => {
      if (stored.has(key)) return 'taken'
      stored.set(key, await readFile(join(stagingDir, path), 'utf8'))
      return 'stored'
    },
  } as unknown as Entries
  return { entries, stagingDir, asked }
}

const part = { sha256: createHash('sha256').update('whole').digest('hex'), bytes: 5 }

it('a part that came back damaged is sent again under another name, and found by later runs', async () => {
  const stored = new Map([[partKey(part.sha256), 'broken']])
  const first = service(stored)
  await expect(fetchPart(part, first)).rejects.toThrow("doesn't match the SHA-256")
  writeFileSync(join(first.stagingDir, partPath(part.sha256)), 'whole')
  expect(await sendPart(part, { unique: 'run-2' }, first, Date.now() + 60_000)).toBe(true)
  const second = service(stored)
  expect(await readFile(await fetchPart(part, second), 'utf8')).toBe('whole')
  expect(second.asked).toStrictEqual([partKey(part.sha256), `${partKey(part.sha256)}-`])
})

it('one that is there is not sent again', async () => {
  const stored = new Map([[partKey(part.sha256), 'whole']])
  const job = service(stored)
  writeFileSync(join(job.stagingDir, partPath(part.sha256)), 'whole')
  expect(await sendPart(part, { unique: 'run-2' }, job, Date.now() + 60_000)).toBe(true)
  expect([...stored.keys()]).toStrictEqual([partKey(part.sha256)])
})

it('one that is missing is asked for once', async () => {
  const job = service(new Map())
  await expect(fetchPart(part, job)).rejects.toThrow('a part of the cache is missing')
  expect(job.asked).toHaveLength(1)
})
