import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'

import { type AttestationServices, makeAttestationServices, type Service } from './attestation-services.js'
import { run } from './command.js'
import { close, listen } from './loopback.js'

/** Whose answers come from the services of the test. */
const HOSTS: ReadonlyMap<string, Service> = new Map([
  ['fulcio.sigstore.dev', 'fulcio'],
  ['rekor.sigstore.dev', 'rekor'],
  ['fulcio.githubapp.com', 'fulcio'],
  ['timestamp.githubapp.com', 'timestamps'],
  ['api.github.com', 'api'],
  ['tokens.actions.githubusercontent.com', 'token'],
])

/** What stands between a step and GitHub, as a company's proxy does that looks into everything. */
export interface InterceptingProxy {
  readonly services: AttestationServices
  /** The environment of whoever goes by it. */
  readonly env: Readonly<Record<string, string>>
  end(): Promise<void>
}

/** @param folder for its certificate, which the step trusts */
export async function startInterceptingProxy(folder: string): Promise<InterceptingProxy> {
  const services = await makeAttestationServices()
  const [key, certificate] = [join(folder, 'proxy.key'), join(folder, 'proxy.crt')]
  const names = `subjectAltName=${[...HOSTS.keys()].map((host) => `DNS:${host}`).join(',')}`
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const files = ['-keyout', key, '-out', certificate]
  await run('openssl', ['req', '-x509', ...kind, '-subj', '/CN=proxy', '-addext', names, ...files])
  await run('chmod', ['a+r', certificate])
  const inner = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    const service = HOSTS.get((request.headers.host ?? '').replace(/:443$/, ''))
    if (service === undefined) response.writeHead(404).end()
    else services.answer(service, request, response)
  })
  const innerHost = await listen(inner)
  const outer = createServer((_, response) => response.writeHead(403).end())
  // A server doesn't end what it has handed on.
  const tunnels = new Set<Socket>()
  outer.on('connect', ({ url = '' }: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!HOSTS.has(url.replace(/:443$/, ''))) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    tunnels.add(socket)
    const through = connect(Number(innerHost.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      through.write(head)
      through.pipe(socket).pipe(through)
    })
    through.on('error', () => socket.destroy())
    socket.on('error', () => through.destroy())
  })
  const host = await listen(outer)
  return {
    services,
    env: { https_proxy: `http://${host}`, no_proxy: '127.0.0.1,localhost', NODE_EXTRA_CA_CERTS: certificate },
    async end() {
      for (const socket of tunnels) socket.destroy()
      await close(outer)
      await close(inner)
    },
  }
}
