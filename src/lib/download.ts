import { HttpClient } from '@actions/http-client'
import pRetry from 'p-retry'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** What came. */
export interface Download {
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
}

/** A server that gives something else than the file, or nothing. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError'

  constructor(
    message: string,
    /** Of HTTP; undefined where there was no answer, or no end of it. */
    readonly status: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const QUIET_MS = 30_000
const RETRIES = 2
const FIRST_PAUSE_MS = 500

/**
 * Downloads a file, through the proxy of the environment, and again after a pause where the server is busy or out of
 * reach.
 * @param path of a file that is written, or written anew
 * @throws DownloadError
 */
export async function download(url: string, path: string): Promise<Download> {
  const client = new HttpClient('rootless-image-build', [], { socketTimeout: QUIET_MS })
  try {
    return await pRetry(() => fetchOnce(client, url, path), {
      retries: RETRIES,
      minTimeout: FIRST_PAUSE_MS,
      shouldRetry: ({ error }) => error instanceof DownloadError && isPassing(error.status),
    })
  } finally {
    client.dispose()
  }
}

function isPassing(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500
}

async function fetchOnce(client: HttpClient, url: string, path: string): Promise<Download> {
  const hash = createHash('sha256')
  let bytes = 0
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  try {
    const { message } = await client.get(url)
    const status = message.statusCode ?? 0
    if (status !== 200) {
      message.resume()
      throw new DownloadError(`The server answers ${status}${reason(message.statusMessage)}.`, status)
    }
    await pipeline(message, count, createWriteStream(path))
  } catch (error) {
    if (error instanceof DownloadError) throw error
    throw new DownloadError(error instanceof Error ? error.message : String(error), undefined, { cause: error })
  }
  return { bytes, sha256: hash.digest('hex') }
}

function reason(text: string | undefined): string {
  return text === undefined || text === '' ? '' : ` (${text})`
}
