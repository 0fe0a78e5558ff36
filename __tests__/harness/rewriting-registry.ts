import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

import { close, listen } from './loopback.js'

export interface RewritingRegistry {
  readonly host: string
  stop(): Promise<void>
}

/**
 * A registry that writes every manifest anew before it keeps it, as some do that store its parts and not its bytes: it has
 * it under another digest than that of what was sent. It stands in front of a registry that keeps bytes.
 */
export async function startRewritingRegistry(registryHost: string): Promise<RewritingRegistry> {
  const server = createServer((incoming, answer) => {
    passOn(registryHost, incoming, answer).catch(() => answer.destroy())
  })
  return { host: await listen(server), stop: () => close(server) }
}

async function passOn(host: string, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { method, url = '/', headers } = incoming
  const sent = Buffer.concat((await incoming.toArray()) as Buffer[])
  const isManifest = method === 'PUT' && url.includes('/manifests/')
  const body = isManifest ? Buffer.from(JSON.stringify(JSON.parse(sent.toString()), null, 4)) : sent
  // The Host header is passed on as it came, so that the registry's Location headers lead back here.
  const own = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'transfer-encoding'))
  const outgoing = request(`http://${host}${url}`, { method, headers: { ...own, 'content-length': body.length } })
  outgoing.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(answer)
  })
  outgoing.on('error', () => answer.destroy())
  outgoing.end(body)
}
