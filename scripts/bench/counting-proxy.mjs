import { createServer, request } from 'node:http'

/**
 * Stands before a registry and counts what it is asked.
 * @param {string} host `127.0.0.1:5000`
 */
export async function countingProxy(host) {
  let count = 0
  const server = createServer((asked, answer) => {
    count += 1
    const { method, url: path, headers } = asked
    const passed = request(`http://${host}${path}`, { method, headers: { ...headers, host } }, (found) => {
      answer.writeHead(found.statusCode, found.headers)
      found.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  // The process may end while it listens.
  server.unref()
  return {
    host: `127.0.0.1:${server.address().port}`,
    count: () => count,
    reset() {
      count = 0
    },
  }
}
