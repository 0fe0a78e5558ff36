import { execFileSync, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface GitServer {
  /** `http://127.0.0.1:40123` */
  readonly origin: string
  /** The logins that were sent, decoded, '' where there was none, in their order. */
  readonly logins: string[]
  close(): Promise<void>
}

/**
 * Serves the repositories in a folder by HTTP, with Git's own program.
 * @param login `user:password` that all of them need; anybody may read them where there is none
 */
export async function serveGit(root: string, login?: string): Promise<GitServer> {
  const backend = join(execFileSync('git', ['--exec-path']).toString().trim(), 'git-http-backend')
  const logins: string[] = []
  const server = createServer((request, response) => {
    const sent = Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64').toString()
    logins.push(sent)
    // What people see of a repository, at the address that Git itself never asks for.
    if (request.url?.endsWith('.git') === true) response.end('<!doctype html>')
    else if (login === undefined || sent === login) answer(backend, root, request, response)
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
  return { origin: `http://127.0.0.1:${port}`, logins, close }
}

/** By CGI: headers, an empty line and the body come out of the program. */
function answer(backend: string, root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
  const child = spawn(backend, [], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol']?.toString(),
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.once('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const headers = output
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s))
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200'
    response.writeHead(Number(status.slice(0, 3)), Object.fromEntries(headers) as Record<string, string>)
    response.end(output.subarray(end + 4))
  })
}
