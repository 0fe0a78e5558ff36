import { createServer } from 'node:http'

import { close, listen } from './loopback.js'

export interface SilentRegistry {
  readonly host: string
  /** Settled when somebody waits for an answer that won't come. */
  readonly reached: Promise<void>
  stop(): Promise<void>
}

/** A registry that says it is there, and lets who asks begin an upload, and then takes every request and never answers. */
export async function startSilentRegistry(): Promise<SilentRegistry> {
  let reach: () => void
  const reached = new Promise<void>((resolve) => (reach = resolve))
  const server = createServer(({ method, url }, answer) => {
    if (url === '/v2/') answer.end('{}')
    else if (method === 'POST') answer.writeHead(202, { location: `${String(url)}trial` }).end()
    else if (method === 'DELETE') answer.writeHead(204).end()
    else reach()
  })
  return { host: await listen(server), reached, stop: () => close(server) }
}
