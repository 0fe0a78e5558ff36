import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { download, DownloadError } from '../../../src/lib/download.js'
import { temporaryFolder } from '../helpers.js'

const content = Buffer.from('an archive')
let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A server that answers one after the other with these statuses; 0 breaks off in the middle. */
async function serving(...statuses: number[]): Promise<{ url: string; left: () => number }> {
  server = createServer((request, answer) => {
    const status = statuses.shift() ?? 500
    if (status === 0) answer.writeHead(200, { 'content-length': 100 }).write('half', () => request.socket.destroy())
    else if (status === 302) answer.writeHead(302, { location: '/elsewhere' }).end()
    else answer.writeHead(status).end(status === 200 ? content : 'no')
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/file`, left: () => statuses.length }
}

describe('download', () => {
  it.each([
    ['at once', [200]],
    ['from elsewhere', [302, 200]],
    ['from a server that was busy', [503, 429, 200]],
    ['after it was broken off', [0, 200]],
  ])('gets a file %s', async (_, statuses) => {
    const { url } = await serving(...statuses)
    const path = join(temporaryFolder(), 'file')
    const sha256 = createHash('sha256').update(content).digest('hex')
    await expect(download(url, path)).resolves.toStrictEqual({ bytes: content.length, sha256 })
    expect(readFileSync(path)).toStrictEqual(content)
  })

  it.each([
    ['what is not there, once', [404, 200], 404, 1],
    ['what is forbidden, once', [403, 200], 403, 1],
    ['a server that stays busy, three times', [503, 503, 503, 200], 503, 1],
  ])('gives up on %s', async (_, statuses, status, left) => {
    const served = await serving(...statuses)
    const error: unknown = await download(served.url, join(temporaryFolder(), 'file')).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(DownloadError)
    expect((error as DownloadError).status).toBe(status)
    expect(served.left()).toBe(left)
  })

  it('says why nothing answers', async () => {
    const { url } = await serving()
    await new Promise((resolve) => server?.close(resolve))
    await expect(download(url, join(temporaryFolder(), 'file'))).rejects.toThrow('ECONNREFUSED')
  })
})
