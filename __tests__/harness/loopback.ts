import { createServer, type Server } from 'node:net'

/** Lets a server listen on a free port of the loopback interface and gives `127.0.0.1:PORT`. */
export function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('The server has no port'))
      else resolve(`127.0.0.1:${address.port}`)
    })
  })
}

/** Ends a server; an HTTP server drops the connections that are kept alive, too. */
export function close(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections?.()
  })
}

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const host = await listen(server)
  await close(server)
  return Number(host.split(':')[1])
}
